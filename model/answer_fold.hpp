// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "model/ids.hpp"
#include "model/sampling.hpp"
#include "model/tokenizer.hpp"

namespace troupe::model {

/// What an accepted token adds to an answer.
struct FoldStep {
  std::string text;                      ///< new text: whole code points, never part of a stop string
  std::optional<FinishReason> finish;    ///< the answer ends with this token
  std::optional<std::string> stop_text;  ///< the stop string that ended it, if one did
};

/// Turns the accepted tokens of one sequence into text, and says when the answer ends: the part of a
/// request's truth that is never stored, because pushing the same tokens again gives the same steps.
///
/// Text waits while it could be the beginning of a code point or of a stop string. The stop string that is
/// complete first counts (of several that end together, the longest), so that the text never depends on where
/// tokens begin. Special tokens stand for no text. Ill-formed bytes become U+FFFD, one for each longest
/// beginning of a code point.
///
/// Threads: one at a time. The tokenizer must outlive it. Movable.
class AnswerFold {
 public:
  /// Stop strings that are empty or not UTF-8 are ignored (requests with such are refused before).
  AnswerFold(const Tokenizer& tokenizer, StopParams stop);

  /// The next accepted token. After a step with `finish` further tokens add nothing.
  FoldStep push(Token token);

  /// The text that still waits, at the end of the answer; nothing more may be pushed.
  std::string finish();

 private:
  /// How much of one stop string stands at the end of the text so far. Source: Knuth, Morris and Pratt 1977.
  struct Matcher {
    explicit Matcher(std::string text);
    bool advance(char byte);
    std::string stop;
    std::vector<std::uint32_t> fallback;  ///< fallback[j]: longest proper border of the first j bytes
    std::uint32_t matched = 0;
  };

  bool ends_answer(Token token) const;
  void decode(bool at_end);
  void add(std::string_view code_point);
  std::string release();

  const Tokenizer* tokenizer_;
  StopParams stop_;
  std::vector<Matcher> matchers_;
  std::uint32_t tokens_ = 0;
  std::string bytes_;                   ///< of tokens, not yet whole code points
  std::string held_;                    ///< text not yet released
  std::optional<std::string> stopped_;  ///< the stop string that was found
  bool finished_ = false;
};

}  // namespace troupe::model
