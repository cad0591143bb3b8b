"""USB devices made of Python, for programs that run under umockdev's preload library."""

from labtroupe.testing._usb._bed import Bed
from labtroupe.testing._usb._cable import UsbCable
from labtroupe.testing._usb._device import UsbDevice
from labtroupe.testing._usb._pipe import Pipe
from labtroupe.testing._usb._scope import Scope
from labtroupe.testing._usb._umockdev import is_under_umockdev, usb_bed

__all__ = ["Bed", "Pipe", "Scope", "UsbCable", "UsbDevice", "is_under_umockdev", "usb_bed"]
