#include <zlib.h>

#include <cstdio>
#include <fstream>
#include <memory>

#include "kubelet/log_rotation.h"

namespace skiff::kubelet {

Result<> PackFile(const std::string& path) {
  const std::string unfinished = path + ".tmp";
  const auto fail = [&](const char* what) {
    std::remove(unfinished.c_str());
    return Fail(Reason::kInternalError, std::string("failed to compress log: ") + what);
  };
  std::ifstream in(path, std::ios::binary);
  if (!in) return fail("cannot be read");
  gzFile out = gzopen(unfinished.c_str(), "wb");
  if (out == nullptr) return fail("cannot be written");
  std::string buffer(64 << 10, '\0');
  bool written = true;
  while (written && in) {
    in.read(buffer.data(), static_cast<std::streamsize>(buffer.size()));
    const auto count = static_cast<unsigned>(in.gcount());
    written = count == 0 || gzwrite(out, buffer.data(), count) == static_cast<int>(count);
  }
  written &= gzclose(out) == Z_OK;
  if (!written) return fail("cannot be written");
  if (std::rename(unfinished.c_str(), (path + ".gz").c_str()) != 0) return fail("rename");
  std::remove(path.c_str());
  return {};
}

}  // namespace skiff::kubelet
