"""`fusewire generate --watch`: the files follow the source, save by save.

Three kinds of process, so that each save costs only the import of the user's own code:

- the *supervisor* watches the project and writes the files (it has threads, so it never forks);
- the *zygote* has the installed packages imported, has one thread and no code of the user's;
- a *child*, forked from the zygote for every change, imports the user's code, sends the contract and ends.
"""

from fusewire_codegen.watch.supervisor import watch

__all__ = ["watch"]
