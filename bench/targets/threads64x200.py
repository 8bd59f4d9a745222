# SPDX-License-Identifier: Apache-2.0
"""64 threads, 200 Python frames each, 63 of them asleep: threads8x200.py with other numbers."""
import os
import sys

other = os.path.join(os.path.dirname(os.path.abspath(__file__)), "threads8x200.py")
os.execv(sys.executable, [sys.executable, other, "64", "200"])
