// Reads static pods from a file or a directory, again whenever something changes there. A file that
// holds no valid pod is reported and otherwise passed over.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/control_loop.h"
#include "base/log.h"
#include "client/client.h"
#include "http/file_watch.h"
#include "kubelet/static_pod.h"

namespace skiff::kubelet {

class ManifestSource final : public ControlLoop {
 public:
  static constexpr size_t kFileBytesMax = 10 << 20;
  static constexpr size_t kFilesMax = 1000;  // Of a directory; more are passed over.

  struct Options {
    std::string path;  // A file, or a directory whose files are read; names with a dot are not.
    std::string node_name;
    // Looked at this often although nothing was heard, as for a path that does not exist yet.
    Duration check_every = 20s;
  };
  struct Outputs {
    // All pods there are now, whenever they have changed, and once at the start.
    std::function<void(std::vector<Ptr<core_v1::Pod>>)> pods;
    // What is wrong with a manifest; once for each version of a file.
    std::function<void(const std::string& path, const std::string& message)> complaint;
  };
  // `loops` may be nullptr: then the path is looked at now and then only.
  ManifestSource(Options options, const Clock& clock, http::Loops* loops, Outputs outputs);
  Duration Step() override;

 private:
  struct File {
    std::string text;
    std::optional<core_v1::Pod> pod;  // None: not valid.
  };
  using Files = std::map<std::string, std::shared_ptr<const File>>;  // By path.
  void Watch();
  enum class Sight : uint8_t { kAll, kNothing, kUnknown };
  // Nothing: the path is not there. Unknown: it cannot be read now, which says nothing of the pods.
  Sight Read(Files& files);
  void ReadOne(const std::string& path, Files& files);
  void Tell();

  const Options options_;
  const Clock& clock_;
  http::Loops* const loops_;
  const Outputs outputs_;
  const Log log_{"manifests"};
  Files files_;  // As last read; a file that has not changed is still the same object.
  bool seen_ = false;
  std::unique_ptr<http::FileWatch> watch_;
};

}  // namespace skiff::kubelet
