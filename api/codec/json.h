// JSON text to documents and back: the one reader and writer of request bodies and stored objects.
// Reads what Go's encoding/json reads and refuses the rest in its words; writes compact text.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "api/values.h"

namespace skiff {

// Deeper nesting is refused: "exceeded max depth".
inline constexpr int kJsonDepthMax = 10000;

enum class JsonToken : uint8_t { kNull, kBool, kNumber, kString, kObject, kArray, kError };
// What encoding/json calls such a value in its errors; nothing for kNull and kError.
std::string_view GoJsonKind(JsonToken token);

// A pull reader over text that outlives it. After Next() the value is consumed, except that an
// object or array has only been entered: walk it with NextKey / NextItem until they return false.
// After the first error everything returns kError or false, and error() says why.
//
//   JsonReader in(text);
//   if (in.Next() == JsonToken::kObject) {
//     std::string_view key;
//     while (in.NextKey(key)) in.Skip();
//   }
//   in.Finish();
class JsonReader {
 public:
  explicit JsonReader(std::string_view text) : text_(text) {}
  JsonToken Next();
  // False at the closing brace. `key` is valid until the next call.
  bool NextKey(std::string_view& key);
  // False at the closing bracket; true: an item follows, call Next().
  bool NextItem();
  // Passes over the next value, checking its syntax.
  void Skip();
  // Passes over the rest of the value that Next() returned as `token`.
  void SkipEntered(JsonToken token);
  // Only white space may follow.
  void Finish();

  // Go's text for the first number that ReadJson met and no double can hold; "": there was none. It
  // counts less than an error of syntax, wherever that stands. `target`: "value", "struct field x.y".
  std::string Misfit(std::string_view target) const;
  // The number just read is such a one.
  void NoteTooLarge() {
    if (too_large_.empty()) too_large_ = string_;
  }

  bool failed() const { return !error_.empty(); }
  const std::string& error() const { return error_; }
  // Of the last token.
  bool boolean() const { return boolean_; }
  // Unescaped, UTF-8 repaired as Go does; valid until the next call.
  std::string_view string() const { return string_; }
  // The number as it is written.
  std::string_view number() const { return string_; }
  // Where the last token began, and where the reader stands.
  size_t begin() const { return begin_; }
  size_t position() const { return at_; }
  std::string_view text() const { return text_; }

 private:
  char Significant();  // Skips white space; the character there, '\0' at the end.
  JsonToken Fail(const char* context);
  bool Enter(bool object);
  bool ReadString();
  bool ReadEscape();
  bool ReadNumber();
  bool ReadWord(std::string_view word);

  std::string_view text_;
  size_t at_ = 0;
  size_t begin_ = 0;
  std::string_view string_;
  std::string scratch_;
  bool boolean_ = false;
  // Objects and arrays we are in: true in front of the first member.
  std::vector<bool> fresh_;
  std::string error_;
  std::string too_large_;
};

// The number as Go's interface{} decoding keeps it: int64 where it fits, else double; an infinite
// one where a double cannot hold it, which is for the caller to refuse.
Json JsonNumber(std::string_view text);
// The value after `token` was read, whole. Later duplicates of a key win. Whoever means to keep it
// asks for `in.Misfit()` when all is read.
Json ReadJson(JsonReader& in, JsonToken token);
// After the last value: only white space may follow. Fails with BadRequest and Go's text of the
// syntax error, or of a number that is too large, whatever read it.
Result<> EndOfJson(JsonReader& in);
// One value and its end.
Result<Json> ParseJson(std::string_view text);
// How many objects and arrays stand in one another in `value`: 0 for a scalar, 1 for {}. Does not
// recurse, so it may be asked of anything; does not look deeper than `most`.
int DepthOf(const Json& value, int most);

void AppendJsonString(std::string_view text, std::string& out);
// Numbers as Go writes them (1.0 -> 1); keys sorted.
void AppendJson(const Json& value, std::string& out);
std::string DumpJson(const Json& value);

}  // namespace skiff
