#include "dns/name.h"

#include <algorithm>
#include <cstring>

#include "base/text.h"
#include "dns/wire.h"

namespace skiff::dns {
namespace {

constexpr uint8_t kPointerBits = 0xC0;
// As many as a name has labels at most. A chain of nothing but pointers may be thousands long, and
// thousands of records may begin at it.
constexpr int kPointersMax = 127;

// The byte that "\DDD" or "\c" at `*at` stands for; moves `*at` to its last character.
bool Unescape(std::string_view text, size_t* at, char* out) {
  if (*at + 1 >= text.size()) return false;
  if (!IsDigit(text[*at + 1])) {
    *out = text[++*at];
    return true;
  }
  if (*at + 3 >= text.size() || !IsDigit(text[*at + 2]) || !IsDigit(text[*at + 3])) return false;
  const int value =
      (text[*at + 1] - '0') * 100 + (text[*at + 2] - '0') * 10 + (text[*at + 3] - '0');
  if (value > 255) return false;
  *at += 3;
  *out = static_cast<char>(value);
  return true;
}

}  // namespace

uint8_t LowerByte(uint8_t byte) {
  return byte >= 'A' && byte <= 'Z' ? byte + ('a' - 'A') : byte;
}

bool SameIgnoringCase(Bytes one, Bytes other) {
  return std::equal(one.begin(), one.end(), other.begin(), other.end(),
                    [](uint8_t a, uint8_t b) { return LowerByte(a) == LowerByte(b); });
}

Name& Name::operator=(const Name& other) {
  if (this == &other) return *this;
  size_ = other.size_;
  std::memcpy(bytes_.data(), other.bytes_.data(), size_);
  return *this;
}

std::optional<Name> Name::FromText(std::string_view text) {
  Name name;
  if (text == ".") return name;
  std::string label;
  for (size_t at = 0; at < text.size(); ++at) {
    if (text[at] == '.') {
      if (label.empty() || !name.AddLabel(label)) return std::nullopt;
      label.clear();
      continue;
    }
    char byte = text[at];
    if (byte == '\\' && !Unescape(text, &at, &byte)) return std::nullopt;
    label += byte;
  }
  if (!label.empty() && !name.AddLabel(label)) return std::nullopt;
  if (name.is_root()) return std::nullopt;
  return name;
}

bool Name::Read(Bytes message, size_t* offset, Name* out) {
  size_t at = *offset;
  size_t segment = at;  // Where the present run of labels began.
  int jumps = 0;
  size_t size = 0;
  while (true) {
    if (at >= message.size()) return false;
    const uint8_t length = message[at];
    if ((length & kPointerBits) == kPointerBits) {
      if (at + 1 >= message.size()) return false;
      const size_t target = (length & ~kPointerBits) << 8 | message[at + 1];
      if (jumps == 0) *offset = at + 2;
      if (target >= segment || target < kHeaderBytes || ++jumps > kPointersMax) return false;
      at = segment = target;
      continue;
    }
    if (length > kLabelBytesMax) return false;
    if (at + 1 + length > message.size() || size + 1 + length > kBytesMax) return false;
    std::memcpy(out->bytes_.data() + size, message.data() + at, length + 1);
    size += length + 1;
    at += length + 1;
    if (length == 0) break;
  }
  if (jumps == 0) *offset = at;
  out->size_ = static_cast<uint8_t>(size);
  return true;
}

std::string Name::Text() const {
  if (is_root()) return ".";
  std::string text;
  const Labels labels(*this);
  for (size_t i = 0; i < labels.count(); ++i) {
    for (const char c : labels[i]) {
      const auto byte = static_cast<uint8_t>(c);
      if (c == '.' || c == '\\') {
        text += '\\';
        text += c;
      } else if (byte > ' ' && byte < 0x7F) {
        text += c;
      } else {
        text += '\\';
        text += static_cast<char>('0' + byte / 100);
        text += static_cast<char>('0' + byte / 10 % 10);
        text += static_cast<char>('0' + byte % 10);
      }
    }
    text += '.';
  }
  return text;
}

void Name::Lower() {
  // Lengths are below 'A', so that they stay what they are.
  for (size_t i = 0; i < size_; ++i) bytes_[i] = LowerByte(bytes_[i]);
}

bool Name::EndsWith(const Name& suffix) const {
  if (!view().ends_with(suffix.view())) return false;
  // The bytes may agree in the middle of a label: a label must begin there.
  const size_t begin = size_ - suffix.size_;
  size_t at = 0;
  while (at < begin) at += bytes_[at] + 1;
  return at == begin;
}

bool Name::AddLabel(std::string_view label) {
  if (label.empty() || label.size() > kLabelBytesMax) return false;
  if (size_ + 1 + label.size() > kBytesMax) return false;
  bytes_[size_ - 1] = static_cast<uint8_t>(label.size());
  std::memcpy(bytes_.data() + size_, label.data(), label.size());
  size_ = static_cast<uint8_t>(size_ + label.size() + 1);
  bytes_[size_ - 1] = 0;
  return true;
}

Labels::Labels(const Name& name) : Labels(name, Name()) {}

Labels::Labels(const Name& name, const Name& suffix) : name_(name) {
  const Bytes wire = name.wire();
  const size_t end = wire.size() - suffix.size();
  for (size_t at = 0; at < end; at += wire[at] + 1) offsets_[count_++] = static_cast<uint8_t>(at);
}

std::string_view Labels::operator[](size_t index) const {
  const size_t at = offsets_[index];
  return name_.view().substr(at + 1, name_.wire()[at]);
}

}  // namespace skiff::dns
