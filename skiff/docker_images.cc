#include <fmt/format.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <utility>

#include "base/id.h"
#include "skiff/docker_cluster.h"
#include "skiff/docker_engine.h"

namespace skiff {
namespace {

constexpr Duration kSaveTimeout = 600s;  // Images of gigabytes on slow disks.

// Of an image of the engine a file is made; it is gone with this.
class Archive {
 public:
  static Result<Archive> Of(const std::string& image) {
    Archive archive;
    if (access(image.c_str(), R_OK) == 0) {
      archive.path_ = image;
      return archive;
    }
    if (!Docker({"image", "inspect", "--format", "{{.Id}}", image})) {
      return Fail(Reason::kNotFound,
                  fmt::format("{0} is neither a file that can be read nor an image of the engine; "
                              "docker pull {0}, or docker build -t {0} .",
                              image));
    }
    std::string pattern = std::filesystem::temp_directory_path() / "skiff-image-XXXXXX";
    const int file = mkstemp(pattern.data());
    if (file < 0) return Fail(Reason::kInternalError, "cannot make a file " + pattern);
    close(file);
    archive.path_ = pattern;
    archive.temporary_ = true;
    TRY(Docker({"save", "--output", pattern, image}, kSaveTimeout));
    return archive;
  }
  Archive(Archive&& other) noexcept
      : path_(std::move(other.path_)), temporary_(std::exchange(other.temporary_, false)) {}
  ~Archive() {
    if (temporary_) unlink(path_.c_str());
  }
  const std::string& path() const { return path_; }

 private:
  Archive() = default;
  std::string path_;
  bool temporary_ = false;
};

}  // namespace

Result<> DockerLoadImages(const std::string& name, const std::vector<std::string>& images,
                          const Progress& progress) {
  if (images.empty()) return {};
  TRY(CheckDockerEngine());
  std::vector<std::string> names;
  for (const DockerNode& node : TRY(DockerNodes(name))) {
    if (node.is_node() && node.state == "running") names.push_back(node.name);
  }
  if (names.empty()) {
    return Fail(Reason::kNotFound,
                fmt::format("no cluster \"{}\" runs in Docker; `skiff status --docker` shows those "
                            "that are there",
                            name));
  }
  for (const std::string& image : images) {
    const Archive archive = TRY(Archive::Of(image));
    // The node has files of its own there.
    const std::string inside = "/var/lib/skiff/image-" + SystemRandom().NameSuffix() + ".tar";
    for (const std::string& container : names) {
      TRY(Docker({"cp", archive.path(), container + ":" + inside}, kSaveTimeout));
      const auto loaded =
          Docker({"exec", container, "skiff", "image", "load", inside}, kSaveTimeout);
      // It stays when the container has ended; the volume goes with the cluster.
      (void)Docker({"exec", container, "rm", "-f", inside});
      if (!loaded) return Fail(loaded.error());
      progress(fmt::format("{}: loaded {}", container, image));
    }
  }
  return {};
}

}  // namespace skiff
