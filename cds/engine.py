"""x"""
from operator import add
import durable_rules_engine as e
class Engine:
    def __init__(self,plan):
        self.plan=plan
        self.loaded=[(e.create_ruleset("x",r.text),r.met_by.__getitem__,r.read) for r in plan.rulesets]
    def fire(self,facts):
        met=set()
        pieces=self.plan.pieces(facts)
        for handle,met_by,read in self.loaded:
            message='{"id":1,"!":1'+"".join(read(pieces))+"}"
            state=e.assert_fact(handle,message)[1]
            text=e.start_action_for_state(handle,state)[1]
            while text:
                n=len(message)+8; met.update(*map(met_by,map(add,text[8::n],text[9::n])))
                text=e.complete_and_start_action(handle,state)
            e.retract_fact(handle,'{"id":1}')
        return frozenset(met)
