// Documents of JSON text, and their text.
#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <utility>

#include "api/codec/json.h"
#include "api/codec/repeated_keys.h"

namespace skiff {

Json JsonNumber(std::string_view text) {
  int64_t integer = 0;
  const char* end = text.data() + text.size();
  if (const auto read = std::from_chars(text.data(), end, integer);
      read.ec == std::errc() && read.ptr == end) {
    return integer;
  }
  double value = 0;
  if (std::from_chars(text.data(), end, value).ec == std::errc::result_out_of_range) {
    value = std::strtod(std::string(text).c_str(), nullptr);  // Infinity, or next to nothing.
  }
  return value;
}

namespace {

// Puts each value where it is to stand, so that none is moved there.
class DocumentReader {
 public:
  explicit DocumentReader(JsonReader& in) : in_(in) {}

  // `out` is null, or what a key stood for that is there again.
  void Read(JsonToken token, Json& out) {
    switch (token) {
      case JsonToken::kBool:
        out = in_.boolean();
        return;
      case JsonToken::kNumber:
        out = JsonNumber(in_.number());
        if (out.is_number_float() && std::isinf(out.get<double>())) in_.NoteTooLarge();
        return;
      case JsonToken::kString:
        out = in_.string();
        return;
      case JsonToken::kArray: {
        out = Json(Json::value_t::array);
        auto& items = out.get_ref<Json::array_t&>();
        constexpr size_t kFew = 4;  // So short lists do not grow from one to two to four.
        while (in_.NextItem()) {
          if (items.empty()) items.reserve(kFew);
          Read(in_.Next(), items.emplace_back());
        }
        return;
      }
      case JsonToken::kObject: {
        out = Json(Json::value_t::object);
        auto& members = out.get_ref<Json::object_t&>();
        std::string_view key;
        while (in_.NextKey(key)) {
          const size_t before = members.size();
          // Of what a program has written keys mostly rise.
          const auto member = members.emplace_hint(members.end(), key, nullptr);
          repeats_keys_ |= members.size() == before;
          Read(in_.Next(), member->second);
        }
        return;
      }
      case JsonToken::kNull:
      case JsonToken::kError:
        out = nullptr;
    }
  }

  bool repeats_keys() const { return repeats_keys_; }

 private:
  JsonReader& in_;
  bool repeats_keys_ = false;
};

}  // namespace

Json ReadJson(JsonReader& in, JsonToken token, bool& repeats_keys) {
  Json value;
  DocumentReader reader(in);
  reader.Read(token, value);
  repeats_keys = reader.repeats_keys();
  return value;
}

Json ReadJson(JsonReader& in, JsonToken token) {
  bool repeats_keys = false;
  return ReadJson(in, token, repeats_keys);
}

Result<> EndOfJson(JsonReader& in) {
  in.Finish();
  if (in.failed()) return Fail(Reason::kBadRequest, in.error());
  if (std::string misfit = in.Misfit("value"); !misfit.empty()) {
    return Fail(Reason::kBadRequest, std::move(misfit));
  }
  return {};
}

Result<Json> ParseJson(std::string_view text, bool& repeats_keys) {
  JsonReader in(text);
  Json value = ReadJson(in, in.Next(), repeats_keys);
  TRY(EndOfJson(in));
  return value;
}

Result<Json> ParseJson(std::string_view text) {
  bool repeats_keys = false;
  return ParseJson(text, repeats_keys);
}

int DepthOf(const Json& value, int most) {
  std::vector<std::pair<Json::const_iterator, Json::const_iterator>> inside;
  int deepest = 0;
  const auto enter = [&](const Json& container) {
    inside.emplace_back(container.begin(), container.end());
    deepest = std::max(deepest, static_cast<int>(inside.size()));
  };
  if (value.is_structured()) enter(value);
  while (!inside.empty() && deepest < most) {
    auto& [next, end] = inside.back();
    if (next == end) {
      inside.pop_back();
      continue;
    }
    const Json& child = *next++;
    if (child.is_structured()) enter(child);
  }
  return deepest;
}

namespace {

// Bytes that do not stand in a string as they are, or begin a character that does not: as Go has
// it, so that the text may stand in a page.
constexpr auto kJsonEscaped = [] {
  std::array<bool, 256> escaped{};
  for (int c = 0; c < 0x20; ++c) escaped[c] = true;
  for (const unsigned char c : {'"', '\\', '<', '>', '&', '\xe2'}) escaped[c] = true;
  return escaped;
}();

size_t PlainPrefix(std::string_view text) {
  size_t plain = 0;
  while (plain < text.size() && !kJsonEscaped[static_cast<unsigned char>(text[plain])]) ++plain;
  return plain;
}

// U+2028 and U+2029 end lines in JavaScript.
bool IsLineSeparator(std::string_view text, size_t at) {
  const std::string_view character = text.substr(at, 3);
  return character == "\u2028" || character == "\u2029";
}

}  // namespace

void AppendJsonString(std::string_view text, std::string& out) {
  static constexpr char kHex[] = "0123456789abcdef";
  const size_t plain = PlainPrefix(text);
  if (plain == text.size()) {  // Nearly all texts are, and go out as one piece.
    const size_t begin = out.size();
    out.resize(begin + text.size() + 2, '"');
    std::copy(text.begin(), text.end(), out.begin() + static_cast<std::ptrdiff_t>(begin + 1));
    return;
  }
  out += '"';
  size_t start = 0;
  for (size_t i = plain; i < text.size(); ++i) {
    const auto c = static_cast<unsigned char>(text[i]);
    if (!kJsonEscaped[c] || (c == 0xe2 && !IsLineSeparator(text, i))) continue;
    out.append(text, start, i - start);
    static constexpr std::string_view kNamed = "\b\f\n\r\t\"\\";
    if (const auto named = kNamed.find(static_cast<char>(c)); named != kNamed.npos) {
      out += '\\';
      out += "bfnrt\"\\"[named];
    } else if (c == 0xe2) {
      out += "\\u202";
      i += 2;
      out += text[i] == '\xa8' ? '8' : '9';
    } else {
      out += "\\u00";
      out += kHex[c >> 4];
      out += kHex[c & 15];
    }
    start = i + 1;
  }
  out.append(text, start);
  out += '"';
}

namespace {

void AppendDouble(double value, std::string& out) {
  if (!std::isfinite(value)) {  // No such JSON; readers refuse such numbers.
    out += "null";
    return;
  }
  std::array<char, 64> buffer;
  const auto write = [&](std::chars_format format) {
    const auto end = std::to_chars(buffer.data(), buffer.data() + buffer.size(), value, format).ptr;
    return std::string(buffer.data(), end);
  };
  const double magnitude = std::fabs(value);
  constexpr double kWholeMax = 9007199254740992;  // From here on not all whole numbers are doubles.
  if (magnitude == 0 || (magnitude >= 1e-6 && magnitude < kWholeMax)) {
    out += write(std::chars_format::fixed);
    return;
  }
  std::string text = write(std::chars_format::scientific);
  const size_t e = text.find('e');
  if (magnitude >= kWholeMax && magnitude < 1e21) {
    // Zeros stand for the digits that do not matter.
    const auto digits = static_cast<size_t>(std::atoi(text.c_str() + e + 1)) + 1;
    text.resize(e);
    std::erase(text, '.');
    text.append(digits + (value < 0 ? 1 : 0) - text.size(), '0');
  } else if (text.compare(e, 3, "e-0") == 0) {
    text.erase(e + 2, 1);  // Go writes e-9, not e-09.
  }
  out += text;
}

}  // namespace

namespace {

// Documents are mostly short names and short values: to lengthen the text by each of them costs
// more than to gather them first.
class DocumentWriter {
 public:
  explicit DocumentWriter(std::string& out) : out_(out) {}
  DocumentWriter(const DocumentWriter&) = delete;
  DocumentWriter& operator=(const DocumentWriter&) = delete;
  ~DocumentWriter() { Flush(); }

  void Value(const Json& value) {
    switch (value.type()) {
      case Json::value_t::object: {
        char before = '{';
        for (const auto& [key, member] : value.get_ref<const Json::object_t&>()) {
          Put(std::exchange(before, ','));
          Text(key);
          Put(':');
          Value(member);
        }
        if (before == '{') Put('{');
        return Put('}');
      }
      case Json::value_t::array: {
        char before = '[';
        for (const Json& item : value.get_ref<const Json::array_t&>()) {
          Put(std::exchange(before, ','));
          Value(item);
        }
        if (before == '[') Put('[');
        return Put(']');
      }
      case Json::value_t::string:
        return Text(value.get_ref<const std::string&>());
      case Json::value_t::boolean:
        return Put(value.get<bool>() ? std::string_view("true") : std::string_view("false"));
      case Json::value_t::number_integer:
        return Number(value.get<int64_t>());
      case Json::value_t::number_unsigned:
        return Number(value.get<uint64_t>());
      case Json::value_t::number_float:
        Flush();
        return AppendDouble(value.get<double>(), out_);
      default:
        Put("null");
    }
  }

 private:
  void Put(char c) {
    if (size_ == gathered_.size()) Flush();
    gathered_[size_++] = c;
  }

  void Put(std::string_view text) {
    if (text.size() > gathered_.size() - size_) Flush();
    if (text.size() > gathered_.size()) {
      out_ += text;
      return;
    }
    std::copy(text.begin(), text.end(), gathered_.data() + size_);
    size_ += text.size();
  }

  void Text(std::string_view text) {
    if (PlainPrefix(text) < text.size()) {
      Flush();
      return AppendJsonString(text, out_);
    }
    Put('"');
    Put(text);
    Put('"');
  }

  template <typename Integer>
  void Number(Integer number) {
    std::array<char, 24> digits;
    const char* end = std::to_chars(digits.data(), digits.data() + digits.size(), number).ptr;
    Put(std::string_view(digits.data(), static_cast<size_t>(end - digits.data())));
  }

  void Flush() {
    out_.append(gathered_.data(), size_);
    size_ = 0;
  }

  std::string& out_;
  size_t size_ = 0;
  std::array<char, 512> gathered_;
};

}  // namespace

void AppendJson(const Json& value, std::string& out) {
  DocumentWriter(out).Value(value);
}

std::string DumpJson(const Json& value) {
  std::string out;
  AppendJson(value, out);
  return out;
}

}  // namespace skiff
