"""x"""
from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from operator import itemgetter
from itertools import product
from typing import Any

from cds.conjunctions import Aspect, Conjunction, Scale, Test, TooLarge, scales, spelled_out
from knowledge.conditions import Condition
from knowledge.facts import Fact, Facts, Value
import os
DEEPEST=int(os.environ.get("DEEPEST",60)); MOST_CHILDREN=int(os.environ.get("CHILDREN",100)); MOST_CONJ=int(os.environ.get("CONJ",86)); MOST_ASPECTS=int(os.environ.get("ASPECTS",80))
ORDER=os.environ.get("ORDER","freq")
LETTERS="".join(c for c in map(chr,range(35,127)) if c not in "\"'\\$")
SENT="~"

def fnv(text: str) -> int:
    h=0x811c9dc5
    for c in text.encode():
        h=((h^c)*16777619)&0xffffffff
    return h

class Node:
    __slots__=("children",)
    def __init__(self): self.children={}
    def depth(self):
        n=len(self.children)
        return max([n]+[n-1+c.depth() for c in self.children.values()]) if n else 0
    def widest(self):
        return max([len(self.children)]+[c.widest() for c in self.children.values()])
    def add(self,chain):
        node=self
        for t in chain: node=node.children.setdefault(t,Node())

@dataclass
class Ruleset:
    text:str
    met_by:dict[str,tuple[str,...]]
    head:str
    read:Any
    n_aspects:int=0

class Plan:
    def __init__(self,rulesets,readers,size):
        self.rulesets=rulesets; self.readers=readers; self.size=size
    def pieces(self,facts):
        return [find(facts[f]) if f in facts else absent for f,absent,find in self.readers]

def plan(conditions,facts):
    sc=scales(conditions.values(),facts)
    met_by=defaultdict(list)
    for name in sorted(conditions):
        for c in spelled_out(conditions[name],sc):
            met_by[frozenset(c)].append(name)
    shared=Counter(t for c in met_by for t in c)
    fact_shared=Counter()
    for t,n in shared.items(): fact_shared[t.aspect]+=n
    if ORDER=="freq": key=lambda t:(-shared[t],t)
    elif ORDER=="fact": key=lambda t:(-fact_shared[t.aspect],t.aspect,-shared[t],t)
    elif ORDER=="rare": key=lambda t:(shared[t],t)
    elif ORDER=="rarefact": key=lambda t:(fact_shared[t.aspect],t.aspect,-shared[t],t)
    chains=sorted((tuple(sorted(c,key=key)),names) for c,names in met_by.items())
    chains.sort(key=lambda cn:[key(t) for t in cn[0]])
    groups=[];cur=[];trie=Node();asp=set()
    for chain,names in chains:
        trie.add(chain); a=asp|{t.aspect for t in chain}
        if cur and (trie.depth()>DEEPEST or trie.widest()>MOST_CHILDREN or len(cur)>=MOST_CONJ or len(a)>MOST_ASPECTS):
            groups.append(cur);cur=[];trie=Node();trie.add(chain);a={t.aspect for t in chain}
        cur.append((chain,names)); asp=a
    groups.append(cur)
    # names
    uses=Counter(t for g in groups for t in {x.aspect for c,_ in g for x in c})
    order=sorted(sc,key=lambda a:(-uses[a],a))
    gen=(n for n in list("".join(p) for k in (1,2) for p in product(LETTERS.replace("~","").replace("!",""),repeat=k)))
    name={a:next(gen) for a in order}
    slot={a:i for i,a in enumerate(order)}
    readers=[]
    for a in order:
        s=sc[a]; frag=[f',"{name[a]}":{i}' for i in range(s.last+1)]
        if s.firsts and not s.ordered:
            find={v:frag[p] for v,p in s.firsts.items()}.__getitem__
        else:
            find=(lambda v,place=s.place,frag=frag: frag[place(v)])
        readers.append((a.fact, frag[0] if s.asked else "", find))
    rs=[]
    for g in groups:
        reads=sorted({slot[t.aspect] for c,_ in g for t in c})
        betas=[f'"all":[{{"~~":{{"!":1}}}}]']; mb={"~~":()}
        for letter,(chain,names) in zip(("".join(p) for p in product(LETTERS.replace("~",""),repeat=2)),g):
            mb[letter]=tuple(names)
            if not chain: mb["~~"]=tuple(names); continue
            tests=",".join([f'{{"!":1}}']+[(f'{{"{t.comparison}":{{"{name[t.aspect]}":{t.place}}}}}' if t.comparison!="$eq" else f'{{"{name[t.aspect]}":{t.place}}}') for t in chain])
            betas.append(f'"all":[{{"{letter}":{{"$and":[{tests}]}}}}]')
        rs.append(Ruleset('{"r":{'+",".join(betas)+f',"cap":{len(betas)}}}}}', mb,'{"id":1,"!":1', itemgetter(*reads) if reads else (lambda p:()),len(reads)))
    return Plan(rs,readers,sum(map(len,groups)))
