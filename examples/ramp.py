"""Heat a stage and write down its temperature beside a voltage, whatever the cables do.

python examples/ramp.py examples/bench.toml
"""

from __future__ import annotations

import sys

import trio

from labtroupe import CommandError, LinkError, open_bench
from labtroupe.kinds import DCPowerSupply, LinkamT95


async def main(path: str, readings: int = 10) -> None:
    """Ramp the heater of a bench to 60 degC at 100 degC/min, with the supply at 5 V."""
    async with open_bench(path) as bench:
        heater = bench.ref("heater", LinkamT95)
        psu = bench.ref("psu", DCPowerSupply)

        await psu.ask(DCPowerSupply.set_voltage(5.0))
        await psu.ask(DCPowerSupply.switch(on=True))
        await heater.ask(LinkamT95.ramp(60.0, 100.0))

        for _ in range(readings):
            await trio.sleep(0.5)
            try:
                celsius = await heater.ask(LinkamT95.temperature())
                volts = await psu.ask(DCPowerSupply.voltage())
            except (CommandError, LinkError) as error:
                # One reading is lost, and the experiment goes on.
                print(f"{error}  ({error.outcome})")
            else:
                print(f"{celsius:6.1f} degC  {volts:6.3f} V")

        await heater.ask(LinkamT95.stop())
        await psu.ask(DCPowerSupply.switch(on=False))
    # Here every instrument has been stopped and every port closed.


if __name__ == "__main__":
    trio.run(main, sys.argv[1] if len(sys.argv) > 1 else "examples/bench.toml")
