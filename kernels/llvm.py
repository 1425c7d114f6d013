"""Turns LLVM IR into machine code for this machine, once per content.

Machine code is kept as object files in the cache, named by what they were made from, LLVM and the
processor included. Each carries its own checksum: one that was cut short or spoiled is made anew.
Nothing here may change a bit of what is computed: no pass is run and no option is set that relaxes
floating point, and the code generator fuses only what is marked for it, which nothing is.
"""

import ctypes
import functools
import hashlib
import itertools
from collections.abc import Callable, Sequence
from threading import RLock
from typing import Any

from llvmlite import binding

from kernels import cache

BUILDING = RLock()  # LLVM's linker is one for all threads
LOADED: dict[str, Any] = {}  # identity -> the linked library, which keeps its code alive
NUMBERS = itertools.count()
CHECK = hashlib.sha256().digest_size
OPTIMISE = 2  # of the code generator
PASSES = ("instruction_combine", "simplify_cfg", "instruction_combine")

Function = Callable[..., None]


def function(key: str, name: str, spell: Callable[[], str], types: Sequence[Any]) -> Function:
    """Give function `name` of the module that `spell` prints; its arguments are of these ctypes.

    `key` tells everything that the text follows from: the text is printed only where no machine
    code is kept for it. Calls release the interpreter. Raises `cache.CacheUnusable`.
    """
    full = identity(key)
    with BUILDING:
        if full not in LOADED:
            LOADED[full] = linked(kept(full, spell), name)
        return ctypes.CFUNCTYPE(None, *types)(LOADED[full][name])


def identity(key: str) -> str:
    """Name machine code by what it is made from and for."""
    parts = (key, repr(binding.llvm_version_info), *processor(), repr((OPTIMISE, PASSES)))
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:32]


def kept(full: str, spell: Callable[[], str]) -> bytes:
    name = f"lanes_{full}.o"

    def made() -> bytes:
        code = machine_code(spell())
        return hashlib.sha256(code).digest() + code

    code = whole(cache.built(name, made))
    if code is not None:
        return code
    content = made()
    cache.kept(name, content)
    return content[CHECK:]


def whole(content: bytes) -> bytes | None:
    """The object in an entry; None where it was cut short or spoiled."""
    check, code = content[:CHECK], content[CHECK:]
    return code if hashlib.sha256(code).digest() == check else None


@functools.cache
def processor() -> tuple[str, str]:
    """Name and features of this machine's processor."""
    return binding.get_host_cpu_name(), binding.get_host_cpu_features().flatten()


def target_machine(name: str = "", features: str = "") -> Any:
    """A code generator, for this machine's processor unless another is named."""
    binding.initialize_native_target()
    binding.initialize_native_asmprinter()
    if not name:
        name, features = processor()
    target = binding.Target.from_default_triple()
    return target.create_target_machine(
        cpu=name, features=features, opt=OPTIMISE, reloc="pic", codemodel="small", jit=True
    )


def optimised(text: str, machine: Any) -> Any:
    """Parse, check and tidy a module; raises RuntimeError for text that is no module."""
    module = binding.parse_assembly(text)
    module.verify()
    builder = binding.create_pass_builder(machine, binding.create_pipeline_tuning_options(2))
    passes = binding.create_new_module_pass_manager()
    for name in PASSES:
        getattr(passes, f"add_{name}_pass")()
    passes.run(module, builder)
    return module


def machine_code(text: str, name: str = "", features: str = "") -> bytes:
    """Compile a module to an object file; for another processor if one is named."""
    machine = target_machine(name, features)
    return bytes(machine.emit_object(optimised(text, machine)))


def assembly(text: str, name: str = "", features: str = "") -> str:
    """Compile a module to assembly, for reading; for another processor if one is named."""
    machine = target_machine(name, features)
    return str(machine.emit_assembly(optimised(text, machine)))


@functools.cache
def linker() -> Any:
    return binding.create_lljit_compiler(target_machine())


def linked(code: bytes, *names: str) -> Any:
    """Load an object; gives what maps these names of it to addresses, for as long as it is kept."""
    library = binding.JITLibraryBuilder().add_object_img(code).add_current_process()
    for name in names:
        library.export_symbol(name)
    return library.link(linker(), f"lanes{next(NUMBERS)}")
