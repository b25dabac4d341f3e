"""Programs: a training step written down once, and what is common to all who read it.

`record` runs a step over arrays that have shape and dtype alone and writes down each call, by the
standard's names, into a `program`; `passes`, `schedule` and `memory` make it short and lay out what
it needs; `text` shows it. There is no array library in this folder: readers of programs are in
`backends`, one for each machine.
"""
