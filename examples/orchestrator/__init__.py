"""Stories through agents, in a real git repository, by several processes of which any may be killed at any time.

__main__.py     the command: makes the stories, keeps workers at work, ends when they have
crew.py         workers as processes
progress.py     what is shown
settings.py     what the processes are told
story.py        a story's steps, and which comes next
workers.py      one worker: a process
work.py         what it does with what it has claimed
agent.py        one agent: a program that commits to a branch
node.py         what one worker is doing about one story, as an `Execution`
story_merge.py  the merge of a story, as a machine
merging.py      and in git
repository.py   git
"""
