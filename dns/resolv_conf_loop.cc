#include "dns/resolv_conf_loop.h"

#include <filesystem>
#include <set>

#include "base/whole_file.h"
#include "dns/upstreams.h"

namespace skiff::dns {
namespace {

namespace fs = std::filesystem;

constexpr int kNameserverPort = 53;

}  // namespace

std::vector<SocketAddress> ServersOf(const std::string& resolv_conf) {
  std::vector<SocketAddress> servers;
  for (const std::string& text : ParseNameservers(resolv_conf)) {
    if (const auto server = ParseServerAddress(text, kNameserverPort)) servers.push_back(*server);
  }
  return servers;
}

ResolvConfLoop::ResolvConfLoop(std::string path,
                               std::function<void(const std::vector<SocketAddress>&)> changed)
    : path_(std::move(path)), changed_(std::move(changed)) {}

// The file is written in place, or another is moved there, or to where it links; which is which is
// looked at anew after every change.
void ResolvConfLoop::Watch() {
  std::error_code ignored;
  const fs::path target = fs::weakly_canonical(path_, ignored);
  std::set<std::string> places = {path_, fs::path(path_).parent_path().string()};
  if (!target.empty()) places.insert(target.parent_path().string());
  watches_.clear();
  for (const std::string& place : places) {
    auto watch =
        http::FileWatch::Open(loops_, place, http::FileChanges::kWhole, [this] { Wake(); });
    // What is not there yet is told of by its directory.
    if (watch) watches_.push_back(std::move(*watch));
  }
}

Duration ResolvConfLoop::Step() {
  Watch();
  auto text = ReadWholeFile(path_);
  if (!text || *text == known_) return kNever;
  known_ = std::move(*text);
  const auto servers = ServersOf(known_);
  log_.Info("upstream servers read", {{"file", path_}, {"servers", servers.size()}});
  changed_(servers);
  return kNever;
}

}  // namespace skiff::dns
