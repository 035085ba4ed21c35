"""What each rule's firing says of it: daily rates, the control chart, the alarms."""
