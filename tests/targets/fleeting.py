# SPDX-License-Identifier: Apache-2.0
"""Threads that make and drop semaphores and queues, thousands a second, beside some that stay.

"stop" lets them come to rest and answers {"living": ..., "staying": ..., "ever": ...}, each a list of [address, class]; "go" lets them go on.
"""
import asyncio
import queue
import random
import sys
import threading

import harness

THREADS = 3
KINDS = [threading.Semaphore, threading.BoundedSemaphore, queue.Queue, queue.LifoQueue]
if sys.version_info >= (3, 10):  # before that they need an event loop
    KINDS += [asyncio.Semaphore, asyncio.Queue]


class Own(threading.Semaphore):
    """One that ends only with a collection: it is in a cycle."""

    def __init__(self, value):
        super().__init__(value)
        self.cycle = [self]


class Hand:
    def __init__(self, seed):
        self.random, self.ever, self.living, self.made = random.Random(seed), set(), [], 0
        self.may_go, self.rests = threading.Event(), threading.Event()
        self.may_go.set()

    def work(self):
        while True:
            if not self.may_go.is_set():
                self.rests.set()
                self.may_go.wait()
                self.rests.clear()
            kind = self.random.choice(KINDS)
            one = kind(3)
            self.ever.add((id(one), kind.__name__))
            self.living.append(one)
            self.made += 1
            if len(self.living) > 300:
                for _ in range(200):
                    self.living.pop(self.random.randrange(len(self.living)))
            del one


staying = [kind(7) for kind in KINDS for _ in range(10)] + [Own(5)]
hands = [Hand(seed) for seed in range(THREADS)]


def listed(objects):
    return [[hex(id(one)), type(one).__name__] for one in objects]


def stop():
    for hand in hands:
        hand.may_go.clear()
    for hand in hands:
        hand.rests.wait()
    living = [one for hand in hands for one in hand.living]
    return {"living": listed(living), "staying": listed(staying), "ever": [[hex(a), name] for hand in hands for a, name in hand.ever],
            "made": sum(hand.made for hand in hands)}


def go():
    for hand in hands:
        hand.may_go.set()


threads = [threading.Thread(target=hand.work, daemon=True) for hand in hands]
for thread in threads:
    thread.start()
harness.serve(stop=stop, go=go)
harness.ready()
threads[0].join()
