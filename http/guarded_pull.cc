#include "http/guarded_pull.h"

#include <exception>

#include "base/log.h"

namespace skiff::http {

Pulled PullGuarded(StreamSource& source, size_t bytes_max, std::vector<SharedBytes>& out) {
  const size_t before = out.size();
  try {
    return source.Pull(bytes_max, out);
  } catch (const std::exception& failure) {
    // We throw nothing; a library that does must not take the other streams with it.
    static const Log log("http");
    log.Error("a stream's source threw", {{"error", failure.what()}});
    out.resize(before);
    return Pulled::kAbort;
  }
}

}  // namespace skiff::http
