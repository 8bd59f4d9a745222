# SPDX-License-Identifier: Apache-2.0
"""A reader of pprof files that shares nothing with the writer: Python's protobuf, and the numbers that github.com/google/pprof publishes
for its format (proto/profile.proto), written down here a second time.  Whatever breaks the format's rules is an assertion."""
import collections
import gzip

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory, unknown_fields

# message -> {number: (name, type)}; a type with [] is a list.
PUBLISHED = {
    "Profile": {1: ("sample_type", "ValueType[]"), 2: ("sample", "Sample[]"), 3: ("mapping", "Mapping[]"), 4: ("location", "Location[]"),
                5: ("function", "Function[]"), 6: ("string_table", "string[]"), 7: ("drop_frames", "int64"), 8: ("keep_frames", "int64"),
                9: ("time_nanos", "int64"), 10: ("duration_nanos", "int64"), 11: ("period_type", "ValueType"), 12: ("period", "int64"),
                13: ("comment", "int64[]"), 14: ("default_sample_type", "int64")},
    "ValueType": {1: ("type", "int64"), 2: ("unit", "int64")},
    "Sample": {1: ("location_id", "uint64[]"), 2: ("value", "int64[]"), 3: ("label", "Label[]")},
    "Label": {1: ("key", "int64"), 2: ("str", "int64"), 3: ("num", "int64"), 4: ("num_unit", "int64")},
    "Mapping": {1: ("id", "uint64"), 2: ("memory_start", "uint64"), 3: ("memory_limit", "uint64"), 4: ("file_offset", "uint64"),
                5: ("filename", "int64"), 6: ("build_id", "int64"), 7: ("has_functions", "bool"), 8: ("has_filenames", "bool"),
                9: ("has_line_numbers", "bool"), 10: ("has_inline_frames", "bool")},
    "Location": {1: ("id", "uint64"), 2: ("mapping_id", "uint64"), 3: ("address", "uint64"), 4: ("line", "Line[]"), 5: ("is_folded", "bool")},
    "Line": {1: ("function_id", "uint64"), 2: ("line", "int64")},
    "Function": {1: ("id", "uint64"), 2: ("name", "int64"), 3: ("system_name", "int64"), 4: ("filename", "int64"), 5: ("start_line", "int64")},
}


def _message_class():
    file = descriptor_pb2.FileDescriptorProto(name="published.proto", package="published", syntax="proto3")
    kinds = descriptor_pb2.FieldDescriptorProto
    for message, fields in PUBLISHED.items():
        entry = file.message_type.add(name=message)
        for number, (name, kind) in fields.items():
            field = entry.field.add(name=name, number=number)
            field.label = kinds.LABEL_REPEATED if kind.endswith("[]") else kinds.LABEL_OPTIONAL
            kind = kind.replace("[]", "")
            if kind in PUBLISHED:
                field.type, field.type_name = kinds.TYPE_MESSAGE, ".published." + kind
            else:
                field.type = getattr(kinds, "TYPE_" + kind.upper())
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("published.Profile"))


_PROFILE = _message_class()

# A sample: labels {key: value}; stack [(function, file, first line, line)], outermost first; count of whole periods; ns of real time.
Sample = collections.namedtuple("Sample", "labels stack count ns")


def _every(message):
    yield message
    for field, value in message.ListFields():
        if field.message_type:
            for inner in value if hasattr(value, "append") else [value]:
                yield from _every(inner)


class Profile:
    """A file's contents with all references followed."""

    def __init__(self, data):
        self.message = _PROFILE()
        self.message.ParseFromString(gzip.decompress(data))  # texts that are not UTF-8 are an error here
        self.strings = self.message.string_table
        for message in _every(self.message):
            assert not len(unknown_fields.UnknownFieldSet(message)), "fields that the format does not have"
        assert self.strings[0] == "" and len(set(self.strings)) == len(self.strings)
        self.types = [self._type(one) for one in self.message.sample_type]
        assert self.message.HasField("period_type")  # Pyroscope follows it without a look
        self.functions = self._by_id(self.message.function)
        self.locations = self._by_id(self.message.location)
        self.mappings = self._by_id(self.message.mapping)
        self.comments = [self._text(index) for index in self.message.comment]
        known = [(f.name, f.filename, f.start_line) for f in self.message.function]
        assert len(set(known)) == len(known), "a function stands there twice"
        known = [(l.line[0].function_id, l.line[0].line) for l in self.message.location]
        assert len(set(known)) == len(known), "a location stands there twice"
        self.samples = [self._sample(sample) for sample in self.message.sample]
        used = {id for sample in self.message.sample for id in sample.location_id}
        assert used == set(self.locations) and {l.line[0].function_id for l in self.message.location} == set(self.functions)

    def _text(self, index):
        assert 0 <= index < len(self.strings)
        return self.strings[index]

    def _type(self, value_type):
        return self._text(value_type.type), self._text(value_type.unit)

    @staticmethod
    def _by_id(entries):
        found = {entry.id: entry for entry in entries}
        assert list(found) == list(range(1, len(entries) + 1))  # unique and above 0 would do for pprof, but not for Parca
        return found

    def _frame(self, id):
        location = self.locations[id]
        assert location.mapping_id in self.mappings and len(location.line) == 1
        function = self.functions[location.line[0].function_id]
        return self._text(function.name), self._text(function.filename), function.start_line, location.line[0].line

    def _sample(self, sample):
        labels = {self._text(label.key): self._text(label.str) for label in sample.label}
        assert len(labels) == len(sample.label) and "" not in labels  # without a key: Parca refuses the profile
        assert len(sample.value) == len(self.types) == 2
        return Sample(labels, [self._frame(id) for id in reversed(sample.location_id)], *sample.value)

    def counts(self):
        """{(labels, stack): [count, ns]}; labels and stack as tuples."""
        found = collections.defaultdict(lambda: [0, 0])
        for sample in self.samples:
            both = found[tuple(sorted(sample.labels.items())), tuple(sample.stack)]
            both[0] += sample.count
            both[1] += sample.ns
        return dict(found)

    def total(self):
        return sum(sample.count for sample in self.samples), sum(sample.ns for sample in self.samples)


def read(path):
    with open(path, "rb") as f:
        return Profile(f.read())
