// Domain names as they are on the wire: labels, each after its length, ended by the empty one.
//
//   "Web.default." = 3 'W' 'e' 'b' 7 'd' 'e' 'f' 'a' 'u' 'l' 't' 0
//
// Case is kept; who compares lowers both sides before.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace skiff::dns {

using Bytes = std::span<const uint8_t>;

// A value without heap: fits in a register of names on the stack of a query.
class Name {
 public:
  static constexpr size_t kBytesMax = 255;
  static constexpr size_t kLabelBytesMax = 63;

  Name() { bytes_[0] = 0; }  // The root.
  Name(const Name& other) { *this = other; }
  Name& operator=(const Name& other);

  // "a.b." or "a.b", with "\." and "\DDD" for odd bytes; nullopt for what is no name.
  static std::optional<Name> FromText(std::string_view text);
  // Reads the name at `*offset` of a message and moves the offset behind it. Pointers may only lead
  // backwards, and no more of them than a name has labels, so that every chain of them ends soon.
  // False for what is malformed.
  static bool Read(Bytes message, size_t* offset, Name* out);

  // "a.b."; the root is ".".
  std::string Text() const;
  Bytes wire() const { return {bytes_.data(), size_}; }
  std::string_view view() const { return {reinterpret_cast<const char*>(bytes_.data()), size_}; }
  size_t size() const { return size_; }  // Bytes on the wire.
  bool is_root() const { return size_ == 1; }

  void Lower();
  // Whole labels at the end, both sides in lower case.
  bool EndsWith(const Name& suffix) const;
  // Appends a label before the final empty one; false when the name would be too long.
  bool AddLabel(std::string_view label);
  bool operator==(const Name& other) const { return view() == other.view(); }

 private:
  std::array<uint8_t, kBytesMax> bytes_;  // Only the first `size_` mean something.
  uint8_t size_ = 1;
};

uint8_t LowerByte(uint8_t byte);
// Whether two runs of the same length differ in case at most.
bool SameIgnoringCase(Bytes one, Bytes other);

// The labels of a name, leftmost first, without the final empty one. Points into the name.
class Labels {
 public:
  explicit Labels(const Name& name);
  // Only those before `suffix`, which the name ends with.
  Labels(const Name& name, const Name& suffix);
  size_t count() const { return count_; }
  std::string_view operator[](size_t index) const;

 private:
  const Name& name_;
  std::array<uint8_t, 128> offsets_;
  size_t count_ = 0;
};

}  // namespace skiff::dns
