// Archives of images that somebody saved, and any other tar file in their place.
#include <sys/mman.h>
#include <unistd.h>

#include <cstdio>

#include "base/error.h"
#include "e2e/fuzz/targets.h"
#include "kubelet/image_archive.h"
#include "kubelet/tar.h"

namespace skiff::fuzz {
namespace {

constexpr size_t kBlock = 512, kChecksumAt = 148, kChecksumBytes = 8, kMagicAt = 257;

// Whatever looks like a header gets the checksum that makes it one: what is fuzzed lies behind it.
std::string WithChecksums(std::string_view bytes) {
  std::string archive(bytes);
  for (size_t at = 0; at + kBlock <= archive.size(); at += kBlock) {
    if (archive.compare(at + kMagicAt, 5, "ustar") != 0) continue;
    archive.replace(at + kChecksumAt, kChecksumBytes, kChecksumBytes, ' ');
    unsigned sum = 0;
    for (size_t i = 0; i < kBlock; ++i) sum += static_cast<unsigned char>(archive[at + i]);
    std::snprintf(&archive[at + kChecksumAt], kChecksumBytes - 1, "%06o", sum & 0777777u);
  }
  return archive;
}

}  // namespace

void Archive(std::string_view bytes) {
  const std::string archive = WithChecksums(bytes);
  const int file = memfd_create("archive", MFD_CLOEXEC);
  CHECK(file >= 0);
  CHECK(write(file, archive.data(), archive.size()) == static_cast<ssize_t>(archive.size()));
  const auto entries = ReadTarIndex(file);
  if (entries) {
    CHECK(entries->size() <= kTarEntriesMax);
    for (const TarEntry& entry : *entries) CHECK(entry.offset % kBlock == 0);
  }
  const auto images = ReadImageArchive(file);
  CHECK(entries || !images);
  if (images) {
    for (const ArchivedImage& image : *images) {
      CHECK(DigestOf(image.manifest.content) == image.manifest.digest);
      CHECK(DigestOf(image.config.content) == image.config.digest);
    }
  }
  close(file);
}

}  // namespace skiff::fuzz
