import pytest
from google.protobuf import descriptor_pool, json_format, text_format
from google.protobuf.descriptor_pb2 import FileDescriptorProto

from batcountry import caffe
from batcountry.caffe.proto import caffe_pb2


def test_a_message_has_caffes_defaults():
    settings = caffe_pb2.LayerParameter().pooling_param
    assert (settings.pool, settings.stride, settings.round_mode) == (caffe_pb2.PoolingParameter.MAX, 1, 0)
    assert not settings.HasField("stride")
    assert caffe_pb2.FillerParameter().type == "constant"
    assert caffe_pb2.ReductionParameter().operation == caffe_pb2.ReductionParameter.SUM == 1
    assert (caffe_pb2.TRAIN, caffe_pb2.TEST) == (caffe.TRAIN, caffe.TEST) == (0, 1)


def test_a_message_is_one_class_however_it_is_reached():
    assert caffe_pb2.NetParameter is caffe_pb2.NetParameter
    assert isinstance(caffe_pb2.NetParameter().layer.add(), caffe_pb2.LayerParameter)


def test_what_has_no_message_is_named():
    with pytest.raises(AttributeError, match="no message 'Wibble'"):
        caffe_pb2.Wibble  # noqa: B018
    assert {"NetParameter", "TEST", "DESCRIPTOR"} <= set(dir(caffe_pb2))


def test_another_caffe_pb2_may_be_there_too():
    other = FileDescriptorProto(name="other_caffe.proto", package="caffe", syntax="proto2")
    other.message_type.add(name="NetParameter")
    pool = descriptor_pool.Default()
    pool.AddSerializedFile(other.SerializeToString())
    theirs = pool.FindMessageTypeByName("caffe.NetParameter")
    assert theirs.file.name == "other_caffe.proto"
    assert "layer" in caffe_pb2.NetParameter.DESCRIPTOR.fields_by_name


def test_numbers_are_packed_in_binary_as_caffe_packs_them():
    shape = caffe_pb2.BlobShape(dim=[3, 5])
    assert shape.SerializeToString() == b"\x0a\x02\x03\x05"


def test_messages_have_text_and_json_forms():
    text = 'name: "a" layer { name: "b" type: "LRN" lrn_param { alpha: 0.1 norm_region: WITHIN_CHANNEL } }'
    net = text_format.Parse(text, caffe_pb2.NetParameter())
    plain = json_format.MessageToDict(net, preserving_proto_field_name=True)
    assert plain["layer"][0]["lrn_param"] == {"alpha": 0.1, "norm_region": "WITHIN_CHANNEL"}
    assert json_format.ParseDict(plain, caffe_pb2.NetParameter()) == net
