#include "kubelet/manifest_source.h"

#include <fmt/format.h>

#include <filesystem>

#include "base/whole_file.h"

namespace skiff::kubelet {
namespace {

namespace fs = std::filesystem;

}  // namespace

ManifestSource::ManifestSource(Options options, const Clock& clock, http::Loops* loops,
                               Outputs outputs)
    : options_(std::move(options)), clock_(clock), loops_(loops), outputs_(std::move(outputs)) {}

// A file that is replaced by another one is a change of its directory: that is what is watched.
void ManifestSource::Watch() {
  if (watch_ || loops_ == nullptr) return;
  std::error_code ignored;
  const fs::path path(options_.path);
  const bool is_directory = fs::is_directory(path, ignored);
  if (!is_directory && !fs::exists(path, ignored)) return;
  const std::string watched =
      is_directory ? options_.path : (path.has_parent_path() ? path.parent_path().string() : ".");
  auto opened =
      http::FileWatch::Open(*loops_, watched, http::FileChanges::kWhole, [this] { Wake(); });
  if (opened) {
    watch_ = std::move(*opened);
  } else {
    log_.Info("manifests not watched", {{"error", opened.error().message}});
  }
}

Duration ManifestSource::Step() {
  Watch();
  Files files;
  const Sight sight = Read(files);
  if (sight != Sight::kAll)
    watch_.reset();  // What is watched may be gone: the next look finds out.
  if (sight == Sight::kUnknown) {
    log_.Error("manifests not read: their pods stay as they are", {{"path", options_.path}});
    return options_.check_every;
  }
  const bool changed = !seen_ || files != files_;
  files_ = std::move(files);
  seen_ = true;
  if (changed) Tell();
  return options_.check_every;
}

ManifestSource::Sight ManifestSource::Read(Files& files) {
  std::error_code error;
  const fs::file_status status = fs::status(options_.path, error);
  if (fs::is_regular_file(status)) {
    ReadOne(options_.path, files);
    return Sight::kAll;
  }
  if (status.type() == fs::file_type::not_found) return Sight::kNothing;
  if (!fs::is_directory(status)) return Sight::kUnknown;
  std::set<std::string> names;
  for (fs::directory_iterator entry(options_.path, error), end; !error && entry != end;
       entry.increment(error)) {
    const std::string name = entry->path().filename().string();
    if (!name.starts_with('.')) names.insert(name);
  }
  if (error) return Sight::kUnknown;  // As where there are no descriptors left.
  size_t count = 0;
  for (const std::string& name : names) {
    const std::string path = (fs::path(options_.path) / name).string();
    std::error_code ignored;  // One that has gone meanwhile, or leads nowhere, is none.
    if (!fs::is_regular_file(path, ignored)) continue;
    if (++count > kFilesMax) {
      outputs_.complaint(path, fmt::format("more than {} manifests, ignoring", kFilesMax));
      break;
    }
    ReadOne(path, files);
  }
  return Sight::kAll;
}

void ManifestSource::ReadOne(const std::string& path, Files& files) {
  std::error_code error;
  const bool too_long = fs::file_size(path, error) > kFileBytesMax;
  const auto before = files_.find(path);
  File file;
  if (!too_long) {
    auto text = ReadWholeFile(path);
    const bool is_unread = !text && fs::exists(path, error);
    if (is_unread && before != files_.end()) {
      files[path] = before->second;
      return;
    }
    if (text) file.text = std::move(*text);
  }
  if (before != files_.end() && before->second->text == file.text) {
    files[path] = before->second;
    return;
  }
  auto decoded = DecodeStaticPod(file.text, {path, options_.node_name, clock_.Now()});
  // An empty file is about to be written.
  if (too_long) {
    outputs_.complaint(path, path + ": longer than 10Mi, ignoring");
  } else if (decoded) {
    file.pod = std::move(*decoded);
  } else if (!file.text.empty()) {
    outputs_.complaint(path, decoded.error().message);
  }
  files[path] = std::make_shared<const File>(std::move(file));
}

void ManifestSource::Tell() {
  std::vector<core_v1::Pod> pods;
  for (const auto& [path, file] : files_) {
    if (file->pod) pods.push_back(*file->pod);
  }
  std::vector<std::string> dropped;
  pods = WithoutDuplicates(std::move(pods), dropped);
  for (const std::string& message : dropped) outputs_.complaint(options_.path, message);
  std::vector<Ptr<core_v1::Pod>> out;
  for (core_v1::Pod& pod : pods) {
    out.push_back(std::make_shared<const core_v1::Pod>(std::move(pod)));
  }
  outputs_.pods(std::move(out));
}

}  // namespace skiff::kubelet
