"""Attacks on later sessions: a session changes everything that it can reach, and the next one must not see it."""

from collections.abc import Awaitable, Callable

import pytest

from sandbox.execution import Execution, Status
from sandbox.interpreter import Sandbox

pytestmark = pytest.mark.asyncio(loop_scope="session")

type Attack = Callable[..., Awaitable[Execution]]

# An attack, and an expression that detects it: true in the session that attacked, false in the next.
TAMPERING = {
    "a_monkeypatched_sympy": ("import sympy\nsympy.solve = lambda *a: [42]", "__import__('sympy').solve(0) == [42]"),
    "a_method_of_sympys_replaced": (
        "import sympy\nsympy.Integer.__add__ = lambda self, other: self",
        "__import__('sympy').Integer(1) + 1 == 1",
    ),
    "sympys_table_of_primes_poisoned": (
        "import sympy\nsympy.sieve._list[3] = 8",
        "8 in __import__('sympy').primerange(2, 10)",
    ),
    "a_monkeypatched_numpy": ("import numpy\nnumpy.sum = lambda *a: 42", "bool(__import__('numpy').sum([1]) == 42)"),
    "numpys_error_state_changed": (
        "import numpy\nnumpy.seterr(all='raise')",
        "__import__('numpy').geterr()['over'] == 'raise'",
    ),
    "a_builtin_replaced": ("import builtins\nbuiltins.sum = lambda x: 42", "sum([1]) == 42"),
    "a_builtin_added": ("import builtins\nbuiltins.planted = 1", "hasattr(__import__('builtins'), 'planted')"),
    "a_module_of_mathematics_changed": ("import math\nmath.sqrt = lambda x: 42", "__import__('math').sqrt(4) == 42"),
    "a_false_module_in_sys_modules": (
        "import sys, types\nsys.modules['fractions'] = types.ModuleType('fractions')",
        "not hasattr(__import__('fractions'), 'Fraction')",
    ),
    "a_module_removed_from_sys_modules": (
        "import sys\nfor name in [n for n in sys.modules if n.startswith('sympy')]: del sys.modules[name]",
        "'sympy' not in __import__('sys').modules",
    ),
    "an_import_hook": (
        "import sys\nclass Hook:\n    def find_spec(self, *a): return None\nsys.meta_path.insert(0, Hook())",
        "any(type(finder).__name__ == 'Hook' for finder in __import__('sys').meta_path)",
    ),
    "a_folder_first_in_sys_path": (
        "import sys\nopen('/tmp/decimal2.py', 'w').write('x = 1')\nsys.path.insert(0, '/tmp')",
        "'/tmp' in __import__('sys').path",
    ),
    "a_callback_of_the_collector": (
        "import gc\ngc.callbacks.append(lambda *a: None)",
        "len(__import__('gc').callbacks) > 0",
    ),
    "the_collector_turned_off": ("import gc\ngc.disable()", "not __import__('gc').isenabled()"),
    "a_trace_function": ("import sys\nsys.setprofile(lambda *a: None)", "__import__('sys').getprofile() is not None"),
    "a_hook_for_exceptions": ("import sys\nsys.excepthook = None", "__import__('sys').excepthook is None"),
    "a_hook_for_values": ("import sys\nsys.displayhook = None", "__import__('sys').displayhook is None"),
    "a_low_recursion_limit": ("import sys\nsys.setrecursionlimit(300)", "__import__('sys').getrecursionlimit() == 300"),
    "the_precision_of_decimals": (
        "import decimal\ndecimal.getcontext().prec = 3",
        "__import__('decimal').getcontext().prec == 3",
    ),
    "the_precision_of_mpmath": ("import mpmath\nmpmath.mp.dps = 3", "__import__('mpmath').mp.dps == 3"),
    "a_variable_in_the_environment": (
        "import os\nos.environ['PLANTED'] = '1'",
        "'PLANTED' in __import__('os').environ",
    ),
    "a_signal_handler": (
        "import signal\nsignal.signal(signal.SIGUSR1, lambda *a: None)",
        "callable(__import__('signal').getsignal(10))",
    ),
    "a_standard_stream_replaced": (
        "import io, sys\nkept, sys.stderr = sys.stderr, io.StringIO()",
        "type(__import__('sys').stderr).__name__ == 'StringIO'",
    ),
    "the_number_one_overwritten_in_memory": (
        "import ctypes\nn = 201\nctypes.memmove(id(n) + 24, (ctypes.c_uint32 * 1)(202), 4)",
        "int('201') == 202",
    ),
    "a_tuple_overwritten_in_memory": (
        "import ctypes, sys\nctypes.memmove(id(sys.version_info) + 24, (ctypes.c_size_t * 1)(id(None)), 8)",
        "__import__('sys').version_info[0] is None",
    ),
    "the_seed_of_random": ("import random\nrandom.seed(1)", "round(__import__('random').random(), 6) == 0.134364"),
    "the_seed_of_numpy": (
        "import numpy\nnumpy.random.seed(0)",
        "round(__import__('numpy').random.rand(), 6) == 0.548814",
    ),
    "the_clock_of_the_module_time": ("import time\ntime.time = lambda: 0", "__import__('time').time() == 0"),
    "the_umask": ("import os\nos.umask(0o777)", "(lambda os: os.umask(0o022))(__import__('os')) == 0o777"),
    "the_working_folder": (
        "import os\nos.mkdir('/tmp/d')\nos.chdir('/tmp/d')",
        "__import__('os').getcwd() == '/tmp/d'",
    ),
    "less_room_in_its_own_limits": (
        "import resource\nresource.setrlimit(resource.RLIMIT_NOFILE, (8, 8))",
        "__import__('resource').getrlimit(7) == (8, 8)",
    ),
    "a_low_priority": ("import os\nos.nice(19)", "__import__('os').nice(0) == 19"),
}


@pytest.mark.parametrize("what", TAMPERING)
async def test_the_next_session_does_not_see(attack: Attack, what: str) -> None:
    source, detect = TAMPERING[what]
    assert (await attack(source, detect)).value == "True", "the attack did nothing"
    assert (await attack(detect)).value == "False"


async def test_a_function_run_at_every_fork_does_not_reach_the_next_session(attack: Attack) -> None:
    source = "import os\nos.register_at_fork(before=lambda: print('planted', flush=True))"
    assert "planted" in (await attack(source, "if os.fork() == 0: os._exit(0)")).stdout
    assert "planted" not in (await attack("import os\nif os.fork() == 0: os._exit(0)")).stdout


async def test_the_warm_parent_never_runs_what_a_session_planted_for_its_end(attack: Attack) -> None:
    source = """
import atexit, gc, os, threading, weakref
class Planted:
    def __del__(self): open('/tmp/planted', 'w').close()
planted = Planted()
atexit.register(lambda: open('/tmp/planted', 'w').close())
weakref.finalize(planted, print, 'planted')
gc.callbacks.append(lambda *a: None)"""
    assert (await attack(source)).status is Status.OK
    assert (await attack("import os\nos.path.exists('/tmp/planted')")).value == "False"


async def test_a_replaced_builtin_that_the_interpreter_itself_needs_ends_its_own_session_alone(attack: Attack) -> None:
    assert (await attack("import builtins\nbuiltins.len = lambda x: 42")).status is Status.KILLED
    assert (await attack("len('abc')")).value == "3"


async def test_an_open_session_does_not_see_what_another_changes(attacked: Sandbox) -> None:
    async with attacked.session() as victim, attacked.session() as attacker:
        await victim.run("import sympy")
        await attacker.run("import sympy\nsympy.sqrt = lambda x: 42")
        assert (await attacker.run("sympy.sqrt(4)")).value == "42"
        assert (await victim.run("sympy.sqrt(4)")).value == "2"


@pytest.mark.parametrize(
    "draw",
    [
        "import random\nrandom.random()",
        "import numpy\nnumpy.random.rand()",
        "import numpy\nnumpy.random.default_rng().random()",
        "import sympy.core.random as r\nr.rng.random()",
        "import os\nos.urandom(8)",
        "import uuid\nuuid.uuid4()",
    ],
)
async def test_random_numbers_cannot_be_predicted_from_another_session(attack: Attack, draw: str) -> None:
    assert (await attack(draw)).value != (await attack(draw)).value


async def test_a_seed_gives_the_same_numbers_in_every_session(attack: Attack) -> None:
    source = "import random, numpy\nrandom.seed(3), numpy.random.seed(3)\nrandom.random(), float(numpy.random.rand())"
    assert (await attack(source)).value == (await attack(source)).value


async def test_a_set_of_words_has_one_order_in_every_jail(attack: Attack, attack_in_haste: Attack) -> None:
    source = "list({'alpha', 'beta', 'gamma', 'delta', 'epsilon', 'zeta', 'eta'})"
    assert (await attack(source)).value == (await attack_in_haste(source)).value
