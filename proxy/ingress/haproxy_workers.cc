#include "proxy/ingress/haproxy_workers.h"

#include <sstream>
#include <string>

namespace skiff::ingress {

Result<std::optional<SeenWorker>> OldestWorker(std::string_view text) {
  std::istringstream lines{std::string(text)};
  std::string line;
  if (!std::getline(lines, line) || !line.starts_with("#<PID>")) {
    return Fail(Reason::kInternalError, "haproxy told no workers: " + line);
  }
  std::optional<SeenWorker> oldest;
  bool are_workers = false;
  while (std::getline(lines, line)) {
    if (line.starts_with('#')) {
      are_workers = line.starts_with("# workers") || line.starts_with("# old workers");
      continue;
    }
    std::istringstream words(line);
    SeenWorker worker;
    std::string type;
    if (!are_workers || !(words >> worker.pid >> type >> worker.seen)) continue;
    if (worker.seen > 0 && (!oldest || worker.seen > oldest->seen)) oldest = worker;
  }
  return oldest;
}

}  // namespace skiff::ingress
