"""Two sides over the same pictures, each a detector and rules: objects, events and alerts gained and lost. Pure.

side.py       one side: its rules, and what would have happened under them
boxes.py      the objects of one picture, as one side sees them and as the other does
comparing.py  one user's cameras on both sides
reviewed.py   what people said of events, and on which side these still are
documents.py  the stored answers: a user's day, and the sum
adding.py     the sum over users and days
"""
