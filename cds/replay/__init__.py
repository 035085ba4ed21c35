"""Decisions made again, asked of other releases, and told with all who stand behind them."""
