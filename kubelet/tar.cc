#include "kubelet/tar.h"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <optional>

namespace skiff {
namespace {

constexpr size_t kBlock = 512;
constexpr size_t kNameBytes = 100;
constexpr size_t kLongNameBytesMax = 64 << 10;
// No file is as big; what is behind an entry of that size is behind it still.
constexpr uint64_t kBytesMax = uint64_t{1} << 56;

// POSIX ustar, IEEE Std 1003.1.
struct Header {
  char name[100];
  char mode[8];
  char uid[8];
  char gid[8];
  char size[12];
  char mtime[12];
  char checksum[8];
  char type;
  char link[100];
  char magic[6];
  char version[2];
  char user[32];
  char group[32];
  char major[8];
  char minor[8];
  char prefix[155];
  char padding[12];
};
static_assert(sizeof(Header) == kBlock);

template <size_t kBytes>
void PutOctal(char (&field)[kBytes], uint64_t value) {
  for (size_t i = kBytes - 1; i-- > 0; value >>= 3) field[i] = static_cast<char>('0' + (value & 7));
  field[kBytes - 1] = 0;
}

unsigned Checksum(Header header) {
  std::memset(header.checksum, ' ', sizeof header.checksum);
  unsigned sum = 0;
  const auto* bytes = reinterpret_cast<const unsigned char*>(&header);
  for (size_t i = 0; i < kBlock; ++i) sum += bytes[i];
  return sum;
}

uint64_t PaddedSize(uint64_t size) {
  return (size + kBlock - 1) / kBlock * kBlock;
}

// Octal text, or GNU's base 256 for what octal cannot hold.
template <size_t kBytes>
uint64_t GetNumber(const char (&field)[kBytes]) {
  uint64_t value = 0;
  if (static_cast<unsigned char>(field[0]) & 0x80) {
    for (size_t i = 1; i < kBytes; ++i) {
      value = value << 8 | static_cast<unsigned char>(field[i]);
    }
    return value;
  }
  for (const char c : field) {
    if (c >= '0' && c <= '7') value = value * 8 + static_cast<uint64_t>(c - '0');
  }
  return value;
}

template <size_t kBytes>
std::string GetText(const char (&field)[kBytes]) {
  return std::string(field, strnlen(field, kBytes));
}

Result<bool> ReadAt(int file, uint64_t offset, void* to, size_t size) {
  size_t done = 0;
  while (done < size) {
    const ssize_t n =
        pread(file, static_cast<char*>(to) + done, size - done, static_cast<off_t>(offset + done));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return Fail(Reason::kInternalError, std::string("read: ") + std::strerror(errno));
    if (n == 0) return false;
    done += static_cast<size_t>(n);
  }
  return true;
}

Result<std::string> ReadText(int file, uint64_t offset, uint64_t size) {
  if (size > kLongNameBytesMax) return Fail(Reason::kBadRequest, "tar: a name is too long");
  std::string text(size, 0);
  if (!TRY(ReadAt(file, offset, text.data(), size))) {
    return Fail(Reason::kBadRequest, "tar: the archive breaks off");
  }
  return text;
}

// What extended headers say about the entry after them.
struct Extended {
  std::optional<std::string> path;
  std::optional<std::string> link;
  std::optional<uint64_t> size;
};

// pax records: "<length> <key>=<value>\n", the length counting itself.
void TakePax(std::string_view records, Extended& extended) {
  while (!records.empty()) {
    size_t length = 0;
    size_t at = 0;
    while (at < records.size() && records[at] >= '0' && records[at] <= '9' && length <= 1 << 20) {
      length = length * 10 + static_cast<size_t>(records[at++] - '0');
    }
    if (length <= at + 1 || length > records.size()) return;
    const std::string_view record = records.substr(at + 1, length - at - 2);
    const size_t equals = record.find('=');
    const std::string value(record.substr(std::min(record.size(), equals + 1)));
    const std::string_view key = record.substr(0, equals);
    if (key == "path") extended.path = value;
    if (key == "linkpath") extended.link = value;
    if (key == "size") extended.size = std::strtoull(value.c_str(), nullptr, 10);
    records.remove_prefix(length);
  }
}

TarEntry::Type TypeFrom(char type) {
  switch (type) {
    case 0:
    case '0':
    case '7':
      return TarEntry::Type::kFile;
    case '1':
      return TarEntry::Type::kHardLink;
    case '2':
      return TarEntry::Type::kSymlink;
    case '5':
      return TarEntry::Type::kFolder;
    default:
      return TarEntry::Type::kOther;
  }
}

tl::unexpected<Error> NotTar(const Header& header) {
  const auto* bytes = reinterpret_cast<const unsigned char*>(&header);
  if (bytes[0] == 0x1f && bytes[1] == 0x8b) {
    return Fail(Reason::kBadRequest, "the archive is compressed: run gunzip on it first");
  }
  if (bytes[0] == 0x28 && bytes[1] == 0xb5) {
    return Fail(Reason::kBadRequest, "the archive is compressed: run zstd -d on it first");
  }
  return Fail(Reason::kBadRequest, "not a tar archive, or a damaged one");
}

TarEntry EntryFrom(const Header& header, Extended extended, uint64_t offset) {
  std::string path = GetText(header.name);
  if (header.magic[5] == 0 && header.prefix[0] != 0) path = GetText(header.prefix) + "/" + path;
  TarEntry entry{.path = extended.path.value_or(path),
                 .type = TypeFrom(header.type),
                 .link = extended.link.value_or(GetText(header.link)),
                 .offset = offset,
                 .size = extended.size.value_or(GetNumber(header.size))};
  size_t begin = 0;
  while (entry.path.compare(begin, 2, "./") == 0) begin += 2;
  entry.path.erase(0, begin);
  while (entry.path.size() > 1 && entry.path.ends_with('/')) entry.path.pop_back();
  return entry;
}

}  // namespace

void TarWriter::AddHeader(const Entry& entry) {
  Header header{};
  std::string_view name = entry.path;
  if (name.size() > kNameBytes) {
    const size_t slash = name.rfind('/', sizeof header.prefix);
    CHECK(slash != std::string_view::npos && name.size() - slash - 1 <= kNameBytes);
    name.substr(0, slash).copy(header.prefix, sizeof header.prefix);
    name.remove_prefix(slash + 1);
  }
  CHECK(entry.link.size() <= sizeof header.link);
  name.copy(header.name, sizeof header.name);
  PutOctal(header.mode, entry.mode);
  PutOctal(header.uid, 0);
  PutOctal(header.gid, 0);
  PutOctal(header.size, entry.size);
  PutOctal(header.mtime, 0);
  header.type = entry.type;
  entry.link.copy(header.link, sizeof header.link);
  std::memcpy(header.magic, "ustar", 6);
  std::memcpy(header.version, "00", 2);
  const unsigned sum = Checksum(header);
  std::snprintf(header.checksum, sizeof header.checksum, "%06o", sum & 0777777u);
  header.checksum[7] = ' ';
  bytes_.append(reinterpret_cast<const char*>(&header), sizeof header);
}

void TarWriter::AddFolder(std::string_view path, uint32_t mode) {
  AddHeader({std::string(path) + "/", mode, '5', "", 0});
}

void TarWriter::AddFile(std::string_view path, uint32_t mode, std::string_view content) {
  AddHeader({path, mode, '0', "", content.size()});
  bytes_ += content;
  bytes_.append(PaddedSize(content.size()) - content.size(), '\0');
}

std::string TarWriter::TakeUpToFile(std::string_view path, uint32_t mode, uint64_t size) {
  CHECK(size <= kTarFileBytesMax);
  AddHeader({path, mode, '0', "", size});
  return std::exchange(bytes_, {});
}

uint64_t TarPadding(uint64_t size) {
  return PaddedSize(size) - size;
}

void TarWriter::AddSymlink(std::string_view path, std::string_view target) {
  AddHeader({path, 0777, '2', target, 0});
}

void TarWriter::AddHardLink(std::string_view path, std::string_view existing_path) {
  AddHeader({path, 0755, '1', existing_path, 0});
}

std::string TarWriter::Finish() {
  bytes_.append(2 * kBlock, '\0');
  return std::exchange(bytes_, {});
}

Result<std::vector<TarEntry>> ReadTarIndex(int file) {
  std::vector<TarEntry> entries;
  Extended extended;
  uint64_t offset = 0;
  while (true) {
    Header header;
    if (!TRY(ReadAt(file, offset, &header, sizeof header))) {
      if (offset == 0) return Fail(Reason::kBadRequest, "not a tar archive: the file is too short");
      break;  // An archive without its end blocks; everything in it was whole.
    }
    if (header.name[0] == 0 && header.prefix[0] == 0) break;
    if (GetNumber(header.checksum) != Checksum(header)) return NotTar(header);
    offset += kBlock;
    const uint64_t size = GetNumber(header.size);
    if (size > kBytesMax) return NotTar(header);
    if (header.type == 'x') {
      TakePax(TRY(ReadText(file, offset, size)), extended);
    } else if (header.type == 'L') {
      extended.path = TRY(ReadText(file, offset, size))
      .c_str();
    } else if (header.type == 'K') {
      extended.link = TRY(ReadText(file, offset, size))
      .c_str();
    } else if (header.type != 'g') {
      if (entries.size() == kTarEntriesMax) {
        return Fail(Reason::kBadRequest, "tar: too many entries");
      }
      entries.push_back(EntryFrom(header, std::exchange(extended, {}), offset));
      if (entries.back().size > kBytesMax) return NotTar(header);
      offset += PaddedSize(entries.back().size);
      continue;
    }
    offset += PaddedSize(size);
  }
  return entries;
}

}  // namespace skiff
