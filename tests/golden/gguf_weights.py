# SPDX-License-Identifier: Apache-2.0
"""Reads a llama GGUF into a transformers model in float32: the oracle's own expansion of quantized weights."""

import gguf
import numpy as np
import torch
import transformers

Type = gguf.GGMLQuantizationType


def _half(raw):
    return np.ascontiguousarray(raw).view(np.float16).astype(np.float32)


def _nibbles(raw):
    return np.concatenate([raw & 15, raw >> 4], axis=-1).astype(np.float32)


def _q4_0(blocks):
    return (_nibbles(blocks[:, 2:]) - 8) * _half(blocks[:, :2])


def _q4_1(blocks):
    return _nibbles(blocks[:, 4:]) * _half(blocks[:, :2]) + _half(blocks[:, 2:4])


def _q8_0(blocks):
    return blocks[:, 2:].view(np.int8).astype(np.float32) * _half(blocks[:, :2])


def _q4_k(blocks):
    packed = blocks[:, 4:16].astype(np.uint8)
    first, second, third = packed[:, :4], packed[:, 4:8], packed[:, 8:]
    scales = np.concatenate([first & 63, (third & 15) | ((first >> 6) << 4)], axis=1).astype(np.float32)
    minima = np.concatenate([second & 63, (third >> 4) | ((second >> 6) << 4)], axis=1).astype(np.float32)
    quants = blocks[:, 16:].reshape(-1, 4, 32)
    quants = np.stack([quants & 15, quants >> 4], axis=2).reshape(-1, 8, 32).astype(np.float32)
    scales, minima = scales * _half(blocks[:, :2]), minima * _half(blocks[:, 2:4])
    return (quants * scales[:, :, None] - minima[:, :, None]).reshape(-1, 256)


def _q6_k(blocks):
    low = blocks[:, :128].reshape(-1, 2, 2, 32)  # half, which 32 bytes, lane
    high = blocks[:, 128:192].reshape(-1, 2, 32)
    low = np.stack([low & 15, low >> 4], axis=2).reshape(-1, 2, 4, 32)
    high = np.stack([(high >> (2 * i)) & 3 for i in range(4)], axis=2)
    quants = (low | (high << 4)).astype(np.float32).reshape(-1, 16, 16) - 32
    scales = blocks[:, 192:208].view(np.int8).astype(np.float32) * _half(blocks[:, 208:])
    return (quants * scales[:, :, None]).reshape(-1, 256)


_BLOCKS = {  # type: bytes per block, expansion to float32
    Type.Q4_0: (18, _q4_0),
    Type.Q4_1: (20, _q4_1),
    Type.Q8_0: (34, _q8_0),
    Type.Q4_K: (144, _q4_k),
    Type.Q6_K: (210, _q6_k),
}


def expand(tensor):
    """The tensor as float32 [rows, columns] (or [columns])."""
    shape = [int(n) for n in reversed(tensor.shape)]
    raw = np.ascontiguousarray(tensor.data)
    if tensor.tensor_type == Type.F32:
        return raw.view(np.float32).reshape(shape).copy()
    if tensor.tensor_type == Type.F16:
        return raw.view(np.float16).astype(np.float32).reshape(shape)
    if tensor.tensor_type == Type.BF16:
        return (raw.view(np.uint16).astype(np.uint32) << 16).view(np.float32).reshape(shape)
    size, function = _BLOCKS[tensor.tensor_type]
    return function(raw.view(np.uint8).reshape(-1, size)).reshape(shape)


def _unpermute(weight, heads):
    """GGUF keeps rotary pairs side by side, transformers half a head apart."""
    rows, columns = weight.shape
    return weight.reshape(heads, rows // heads // 2, 2, columns).swapaxes(1, 2).reshape(rows, columns)


_LAYER = {
    "attn_norm": "input_layernorm",
    "attn_q": "self_attn.q_proj",
    "attn_k": "self_attn.k_proj",
    "attn_v": "self_attn.v_proj",
    "attn_output": "self_attn.o_proj",
    "ffn_norm": "post_attention_layernorm",
    "ffn_gate": "mlp.gate_proj",
    "ffn_up": "mlp.up_proj",
    "ffn_down": "mlp.down_proj",
}


def _name(name):
    parts = name.split(".")
    if parts[0] == "blk":
        return f"model.layers.{parts[1]}.{_LAYER[parts[2]]}.weight"
    return {"token_embd": "model.embed_tokens", "output_norm": "model.norm", "output": "lm_head"}[parts[0]] + ".weight"


def load(path):
    """A LlamaForCausalLM in float32 with the file's weights."""
    reader = gguf.GGUFReader(path)

    def value(key):
        field = reader.fields[f"llama.{key}"]
        return field.parts[field.data[0]][0].item()

    tensors = {tensor.name: tensor for tensor in reader.tensors}
    heads, kv_heads = value("attention.head_count"), value("attention.head_count_kv")
    theta = value("rope.freq_base")
    tied = "output.weight" not in tensors
    config = transformers.LlamaConfig(
        vocab_size=int(tensors["token_embd.weight"].shape[1]),
        hidden_size=value("embedding_length"),
        intermediate_size=value("feed_forward_length"),
        num_hidden_layers=value("block_count"),
        num_attention_heads=heads,
        num_key_value_heads=kv_heads,
        head_dim=int(tensors["blk.0.attn_q.weight"].shape[1]) // heads,
        max_position_embeddings=value("context_length"),
        rms_norm_eps=value("attention.layer_norm_rms_epsilon"),
        rope_parameters={"rope_type": "default", "rope_theta": theta},
        tie_word_embeddings=tied,
        attn_implementation="eager",
    )
    state = {}
    for name, tensor in tensors.items():
        weight = expand(tensor)
        if name.endswith("attn_q.weight"):
            weight = _unpermute(weight, heads)
        if name.endswith("attn_k.weight"):
            weight = _unpermute(weight, kv_heads)
        state[_name(name)] = torch.from_numpy(np.ascontiguousarray(weight))
    if tied:
        state["lm_head.weight"] = state["model.embed_tokens.weight"]
    with torch.device("meta"):
        model = transformers.LlamaForCausalLM(config)
    model.load_state_dict(state, assign=True)
    # Not a weight: made from the config when the model is made on a real device.
    model.model.rotary_emb = type(model.model.rotary_emb)(config)
    return model.eval()
