#include "proxy/ingress/haproxy_workers.h"

#include <sstream>
#include <string>

namespace skiff::ingress {

Result<std::optional<EndingWorker>> OldestWorker(std::string_view text) {
  std::istringstream lines{std::string(text)};
  std::string line;
  if (!std::getline(lines, line) || !line.starts_with("#<PID>")) {
    return Fail(Reason::kInternalError, "haproxy told no workers: " + line);
  }
  std::optional<EndingWorker> oldest;
  bool are_old = false;
  while (std::getline(lines, line)) {
    if (line.starts_with('#')) {
      are_old = line.starts_with("# old workers");
      continue;
    }
    std::istringstream words(line);
    EndingWorker worker;
    std::string type;
    if (!are_old || !(words >> worker.pid >> type >> worker.seen)) continue;
    if (!oldest || worker.seen > oldest->seen) oldest = worker;
  }
  return oldest;
}

}  // namespace skiff::ingress
