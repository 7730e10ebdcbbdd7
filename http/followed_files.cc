#include "http/followed_files.h"

#include <filesystem>
#include <set>
#include <utility>

#include "base/log.h"
#include "base/whole_file.h"

namespace skiff::http {
namespace {

const Log kFilesLog("files");
constexpr Duration kUnwatchedPeriod = 60s;

}  // namespace

FollowedFiles::FollowedFiles(Loops& loops, std::vector<std::string> paths, Take take,
                             Duration period)
    : loops_(loops), paths_(std::move(paths)), take_(std::move(take)), period_(period) {}

bool FollowedFiles::Watch() {
  if (!watches_.empty()) return true;
  std::set<std::string> directories;
  for (const std::string& path : paths_) {
    const std::string directory = std::filesystem::path(path).parent_path().string();
    directories.insert(directory.empty() ? "." : directory);
  }
  std::vector<std::unique_ptr<FileWatch>> watches;
  for (const std::string& directory : directories) {
    auto watch = FileWatch::Open(loops_, directory, FileChanges::kWhole, [this] { Wake(); });
    if (!watch) return false;
    watches.push_back(*std::move(watch));
  }
  watches_ = std::move(watches);
  return true;
}

Result<std::vector<std::string>> FollowedFiles::Read() const {
  std::vector<std::string> texts;
  for (const std::string& path : paths_) {
    std::string text = TRY(ReadWholeFile(path));
    texts.push_back(std::move(text));
  }
  return texts;
}

Duration FollowedFiles::Step() {
  const Duration again = Watch() ? period_ : kUnwatchedPeriod;
  auto texts = Read();
  if (!texts || *texts == taken_) return again;
  if (const auto done = take_(*texts); !done) {
    kFilesLog.Info("files not taken yet",
                   {{"file", paths_.front()}, {"error", done.error().message}});
    return again;
  }
  if (!taken_.empty()) kFilesLog.Info("files taken anew", {{"file", paths_.front()}});
  taken_ = *std::move(texts);
  return again;
}

}  // namespace skiff::http
