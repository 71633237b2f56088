// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <bit>
#include <concepts>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "model/error.hpp"
#include "model/request.hpp"
#include "model/step.hpp"

/// One CAF-free, versioned binary form of everything that crosses a process: CAF 0.17.6 corrupts floats and
/// cannot carry optionals, so messages travel as these bytes. Little endian; a list is its 32-bit count and
/// its elements.
namespace troupe::model {

/// First byte of every encoding. A change of any field list below makes a new one.
inline constexpr std::uint8_t kCodecVersion = 1;

/// Appends values to a byte string.
class Encoder {
 public:
  template <std::integral T>
  void value(const T& x) {
    for (std::size_t i = 0; i < sizeof(T); ++i) {
      bytes_.push_back(static_cast<char>((static_cast<std::uint64_t>(x) >> (8 * i)) & 0xffU));
    }
  }
  void value(const float& x) { value(std::bit_cast<std::uint32_t>(x)); }
  void value(const std::string& x) {
    value(static_cast<std::uint32_t>(x.size()));
    bytes_ += x;
  }
  std::string take() { return std::move(bytes_); }

 private:
  std::string bytes_;
};

/// Reads what an Encoder wrote. After the first malformed value every read is a no-op and ok() is false.
class Decoder {
 public:
  explicit Decoder(std::string_view bytes) : bytes_(bytes) {}
  template <std::integral T>
  void value(T& x) {
    if (!take(sizeof(T))) return;
    std::uint64_t raw = 0;
    for (std::size_t i = 0; i < sizeof(T); ++i) {
      raw |= static_cast<std::uint64_t>(static_cast<unsigned char>(bytes_[at_ - sizeof(T) + i])) << (8 * i);
    }
    x = static_cast<T>(raw);
  }
  void value(float& x) {
    std::uint32_t bits = 0;
    value(bits);
    x = std::bit_cast<float>(bits);
  }
  void value(std::string& x) {
    std::uint32_t size = 0;
    value(size);
    if (!take(size)) return;
    x.assign(bytes_.substr(at_ - size, size));
  }
  /// A list's length: refused when the bytes that are left cannot hold it (each element takes at least one).
  std::uint32_t length() {
    std::uint32_t size = 0;
    value(size);
    if (size > bytes_.size() - at_) ok_ = false;
    return ok_ ? size : 0;
  }
  bool ok() const { return ok_; }
  bool done() const { return ok_ && at_ == bytes_.size(); }

 private:
  bool take(std::size_t n) {
    if (!ok_ || n > bytes_.size() - at_) {
      ok_ = false;
      return false;
    }
    at_ += n;
    return true;
  }
  std::string_view bytes_;
  std::size_t at_ = 0;
  bool ok_ = true;
};

// The field lists. `visit` is called with each field in its order on the wire.
template <class V>
void fields(V&& visit, RequestId& x) {
  visit(x.high, x.low);
}
template <class V>
void fields(V&& visit, SequenceId& x) {
  visit(x.request, x.choice);
}
template <class V>
void fields(V&& visit, TokenLogprob& x) {
  visit(x.token, x.logprob);
}
template <class V>
void fields(V&& visit, ScoredToken& x) {
  visit(x.token, x.logprob, x.top);
}
template <class V>
void fields(V&& visit, Error& x) {
  visit(x.code, x.message, x.param);
}
template <class V>
void fields(V&& visit, std::pair<Token, float>& x) {
  visit(x.first, x.second);
}
template <class V>
void fields(V&& visit, SamplingParams& x) {
  visit(x.temperature, x.top_k, x.top_p, x.min_p, x.repetition_penalty, x.presence_penalty,
        x.frequency_penalty, x.seed, x.logit_bias, x.logprobs, x.prompt_logprobs);
}
template <class V>
void fields(V&& visit, StopParams& x) {
  visit(x.max_tokens, x.stop_token_ids, x.stop, x.ignore_eos);
}
template <class V>
void fields(V&& visit, SequenceStart& x) {
  visit(x.slot, x.id, x.ingress, x.tokens, x.prompt_tokens, x.sampling, x.blocks, x.cached_tokens);
}
template <class V>
void fields(V&& visit, BlockGrant& x) {
  visit(x.slot, x.blocks);
}
template <class V>
void fields(V&& visit, RowRange& x) {
  visit(x.slot, x.start, x.count, x.sample);
}
template <class V>
void fields(V&& visit, StepPlan& x) {
  visit(x.generation, x.step, x.forget, x.start, x.grants, x.rows);
}
template <class V>
void fields(V&& visit, SampledRow& x) {
  visit(x.id, x.slot, x.ingress, x.position, x.token);
}
template <class V>
void fields(V&& visit, PromptScores& x) {
  visit(x.id, x.ingress, x.first, x.scores);
}
template <class V>
void fields(V&& visit, StepResult& x) {
  visit(x.generation, x.step, x.sampled, x.prompt_scores, x.compute_microseconds);
}

template <class T>
void encode_value(Encoder& out, const T& x);
template <class T>
void decode_value(Decoder& in, T& x);

template <class T>
void encode_value(Encoder& out, const std::vector<T>& list) {
  out.value(static_cast<std::uint32_t>(list.size()));
  for (const T& x : list) encode_value(out, x);
}
template <class T>
void decode_value(Decoder& in, std::vector<T>& list) {
  list.clear();
  for (std::uint32_t n = in.length(); n > 0 && in.ok(); --n) decode_value(in, list.emplace_back());
}

template <class T>
void encode_value(Encoder& out, const T& x) {
  if constexpr (std::is_enum_v<T>) {
    out.value(static_cast<std::underlying_type_t<T>>(x));
  } else if constexpr (std::is_arithmetic_v<T> || std::is_same_v<T, std::string>) {
    out.value(x);
  } else {
    // The field list is written once, for reading and writing; writing does not change x.
    fields([&out](const auto&... field) { (encode_value(out, field), ...); }, const_cast<T&>(x));
  }
}
template <class T>
void decode_value(Decoder& in, T& x) {
  if constexpr (std::is_enum_v<T>) {
    std::underlying_type_t<T> raw{};
    in.value(raw);
    x = static_cast<T>(raw);
  } else if constexpr (std::is_arithmetic_v<T> || std::is_same_v<T, std::string>) {
    in.value(x);
  } else {
    fields([&in](auto&... field) { (decode_value(in, field), ...); }, x);
  }
}

/// Bytes of a value. Threads: any.
template <class T>
std::string encode(const T& x) {
  Encoder out;
  out.value(kCodecVersion);
  encode_value(out, x);
  return out.take();
}

/// The value, or nothing when the bytes are of another version, too short, too long or malformed.
template <class T>
std::optional<T> decode(std::string_view bytes) {
  Decoder in(bytes);
  std::uint8_t version = 0;
  in.value(version);
  T x{};
  if (version != kCodecVersion) return std::nullopt;
  decode_value(in, x);
  return in.done() ? std::optional<T>(std::move(x)) : std::nullopt;
}

}  // namespace troupe::model
