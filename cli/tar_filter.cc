#include "cli/tar_filter.h"

#include <algorithm>
#include <charconv>
#include <optional>
#include <utility>

namespace skiff::cli {
namespace {

constexpr size_t kBlock = 512;
constexpr size_t kNotesMax = 1 << 20;  // A name is a few kilobytes at most.
constexpr uint64_t kSizeMax = uint64_t{1} << 60;

// A field of a header that ends with a zero, or with itself.
std::string FieldAt(std::string_view header, size_t at, size_t size) {
  const std::string_view field = header.substr(at, size);
  return std::string(field.substr(0, field.find('\0')));
}

// In octal digits, or in bytes where the first bit is set.
std::optional<uint64_t> NumberAt(std::string_view header, size_t at, size_t size) {
  std::string_view field = header.substr(at, size);
  uint64_t number = 0;
  if (const auto first = static_cast<unsigned char>(field[0]); (first & 0x80) != 0) {
    if (first != 0x80) return std::nullopt;
    for (const char c : field.substr(1)) {
      if (number > kSizeMax >> 8) return std::nullopt;
      number = number << 8 | static_cast<unsigned char>(c);
    }
    return number;
  }
  while (field.starts_with(' ')) field.remove_prefix(1);
  field = field.substr(0, field.find_first_of(std::string_view(" \0", 2)));
  if (field.empty()) return 0;
  const auto [end, error] = std::from_chars(field.data(), field.data() + field.size(), number, 8);
  if (error != std::errc() || end != field.data() + field.size()) return std::nullopt;
  return number;
}

// Whoever unpacks looks for the next header where one does not add up, wherever that may be.
bool AddsUp(std::string_view header) {
  constexpr size_t kSumAt = 148, kSumBytes = 8;
  uint64_t sum = kSumBytes * ' ';
  for (size_t i = 0; i < header.size(); ++i) {
    if (i < kSumAt || i >= kSumAt + kSumBytes) sum += static_cast<unsigned char>(header[i]);
  }
  return NumberAt(header, kSumAt, kSumBytes) == sum;
}

std::optional<uint64_t> Decimal(std::string_view text) {
  uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

std::string UntilZero(std::string_view text) {
  return std::string(text.substr(0, text.find('\0')));
}

}  // namespace

void TarFilter::Take(std::string_view bytes) {
  while (!bytes.empty() && !failed_) {
    if (left_ > 0) {
      const std::string_view part = bytes.substr(0, left_);
      if (note_size_ > 0) {
        notes_ += part;
      } else if (passes_) {
        out_(part);
      }
      left_ -= part.size();
      bytes.remove_prefix(part.size());
      if (left_ == 0 && note_size_ > 0) EndNote();
      continue;
    }
    const std::string_view part = bytes.substr(0, kBlock - header_.size());
    header_ += part;
    bytes.remove_prefix(part.size());
    if (header_.size() < kBlock) return;
    TakeHeader();
    header_.clear();
  }
}

void TarFilter::TakeHeader() {
  constexpr size_t kTypeAt = 156, kSizeAt = 124, kSizeBytes = 12;
  if (std::all_of(header_.begin(), header_.end(), [](char c) { return c == '\0'; })) {
    failed_ = !notes_.empty();
    ended_ = true;
    return out_(header_);  // The end of the archive, which fills whole records.
  }
  const auto own_size = NumberAt(header_, kSizeAt, kSizeBytes);
  const auto said_size = said_.size.empty() ? own_size : Decimal(said_.size);
  if (!AddsUp(header_) || !own_size || !said_size || *own_size > kSizeMax ||
      *said_size > kSizeMax) {
    failed_ = true;
    return;
  }
  const char type = header_[kTypeAt];
  const bool is_note = type == 'L' || type == 'K' || type == 'x' || type == 'g';
  if (!is_note) return TakeEntry(*said_size, type);
  left_ = (*own_size + kBlock - 1) / kBlock * kBlock;
  // Of two of a kind, or of GNU's and POSIX's, who knows which counts.
  const bool of_gnu = type == 'L' || type == 'K';
  if (said_.by.find(type) != std::string::npos ||
      said_.by.find_first_of(of_gnu ? "x" : "LK") != std::string::npos) {
    failed_ = true;
  }
  if (notes_.size() + kBlock + left_ > kNotesMax) failed_ = true;
  said_.by += type;
  notes_ += header_;
  note_at_ = notes_.size();
  note_size_ = *own_size;
  type_ = type;
}

void TarFilter::EndNote() {
  const std::string_view text = std::string_view(notes_).substr(note_at_, note_size_);
  note_size_ = 0;
  if (type_ == 'L') said_.name = UntilZero(text);
  if (type_ == 'K') said_.link = UntilZero(text);
  if ((type_ == 'x' || type_ == 'g') && !ReadPax(text)) failed_ = true;
}

// "27 path=a/b\n": a length of all of it, a key and a value. What is said of all entries that
// follow is as good as never seen, and may say nothing that matters here.
bool TarFilter::ReadPax(std::string_view records) {
  while (!records.empty()) {
    const size_t blank = records.find(' ');
    if (blank == records.npos) return false;
    const auto length = Decimal(records.substr(0, blank));
    if (!length || *length < blank + 3 || *length > records.size()) return false;
    const std::string_view record = records.substr(blank + 1, *length - blank - 1);
    records.remove_prefix(*length);
    const size_t equals = record.find('=');
    if (equals == record.npos || !record.ends_with('\n')) return false;
    const std::string_view key = record.substr(0, equals);
    const std::string value(record.substr(equals + 1, record.size() - equals - 2));
    std::string* const said = key == "path"       ? &said_.name
                              : key == "linkpath" ? &said_.link
                              : key == "size"     ? &said_.size
                                                  : nullptr;
    // How long a content with holes is, which some programs go by and others do not.
    if (key.starts_with("GNU.sparse.")) return false;
    if (said == nullptr) continue;
    if (type_ == 'g') return false;
    *said = value;
  }
  return true;
}

bool TarFilter::MayLink(const std::string& target) const {
  std::string_view rest = target;
  while (rest.starts_with('/')) rest.remove_prefix(1);
  if (("/" + std::string(rest) + "/").find("/../") != std::string::npos) return false;
  return rest.starts_with(root_) && (rest.size() == root_.size() || rest[root_.size()] == '/');
}

void TarFilter::TakeEntry(uint64_t size, char type) {
  constexpr size_t kNameBytes = 100, kLinkAt = 157;
  const std::string name = said_.name.empty() ? FieldAt(header_, 0, kNameBytes) : said_.name;
  const std::string link =
      said_.link.empty() ? FieldAt(header_, kLinkAt, kNameBytes) : said_.link;
  const bool is_file = type == '0' || type == '\0' || type == '7';
  // Of what has no content some programs take that for the next entry, others do not. A file whose
  // name ends as a folder's does is one to tar.
  if ((!is_file || name.ends_with('/')) && size > 0) failed_ = true;
  if (failed_) return;
  if (!std::exchange(has_begun_, true)) is_of_file_ = is_file && name == root_;
  const bool says_link = !said_.link.empty() || said_.by.find('K') != std::string::npos;
  passes_ = is_file || type == '5' || (type == '1' && !says_link && MayLink(link));
  if (passes_) {
    has_entries_ = true;
    out_(notes_);
    out_(header_);
  } else {
    skipped_(name, type == '2' ? link : "");
  }
  notes_.clear();
  said_ = {};
  left_ = (size + kBlock - 1) / kBlock * kBlock;
  type_ = type;
}

}  // namespace skiff::cli
