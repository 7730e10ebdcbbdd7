#include "cli/kustomize/loader.h"

#include <fmt/format.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>

#include "cli/errors.h"

namespace skiff::cli::kustomize {
namespace {

namespace fs = std::filesystem;

bool IsIn(const std::string& path, const std::string& directory) {
  return path == directory || directory == "/" || path.starts_with(directory + "/");
}

// The first part of the path that is not there, as Go finds it when it follows links.
std::string FirstMissing(const fs::path& path) {
  fs::path so_far;
  std::error_code code;
  for (const fs::path& part : path) {
    so_far /= part;
    if (fs::symlink_status(so_far, code).type() == fs::file_type::not_found || code) break;
  }
  return so_far;
}

// Without links; fails where there is nothing.
Result<std::string> Real(const std::string& named, const fs::path& path) {
  std::error_code code;
  const fs::path real = fs::canonical(path, code);
  if (!code) return real.string();
  std::string why = code.message();
  if (!why.empty() && why[0] >= 'A' && why[0] <= 'Z') why[0] += 'a' - 'A';
  return CliError(fmt::format("evalsymlink failure on '{}' : lstat {}: {}", named,
                              FirstMissing(path.lexically_normal()), why));
}

}  // namespace

bool IsRemote(std::string_view path) {
  for (const char* scheme : {"http://", "https://", "ssh://", "git::", "git@", "file://",
                             "github.com/", "github.com:"}) {
    if (path.starts_with(scheme)) return true;
  }
  return path.find(".git?") != path.npos || path.find(".git/") != path.npos ||
         path.find("?ref=") != path.npos;
}

Result<Loader> Loader::Make(std::vector<std::string> roots, bool anywhere, ReadSoFar& so_far) {
  if (++so_far.kustomizations > kKustomizationsMax) {
    return CliError(fmt::format("more than {} kustomizations are named", kKustomizationsMax));
  }
  return Loader(std::move(roots), anywhere, so_far);
}

Result<Loader> Loader::At(const std::string& directory, bool anywhere, ReadSoFar& so_far) {
  if (directory.empty()) {
    return CliError("must build at directory: directory path cannot be empty");
  }
  std::error_code code;
  const auto real = Real(directory, fs::absolute(directory, code));
  if (!real) {
    return CliError("must build at directory: not a valid directory: " + real.error().message);
  }
  if (!fs::is_directory(*real, code)) {
    return CliError(fmt::format("must build at directory: '{}': file is not directory", directory));
  }
  return Make({*real}, anywhere, so_far);
}

Result<Loader> Loader::Below(const std::string& path) const {
  if (path.empty()) return CliError("new root cannot be empty");
  if (fs::path(path).is_absolute()) {
    return CliError(fmt::format("new root '{}' cannot be absolute", path));
  }
  const std::string joined = (fs::path(root()) / path).lexically_normal();
  const auto real = Real(joined, joined);
  if (!real) {
    return CliError("must build at directory: not a valid directory: " + real.error().message);
  }
  std::error_code code;
  if (!fs::is_directory(*real, code)) {
    return CliError(fmt::format("must build at directory: '{}': file is not directory", joined));
  }
  for (auto each = roots_.rbegin(); each != roots_.rend(); ++each) {
    if (!IsIn(*each, *real)) continue;
    return CliError(fmt::format(
        "cycle detected: candidate root '{}' contains visited root '{}'", *real, *each));
  }
  if (roots_.size() >= kBuildDepthMax) {
    return CliError(
        fmt::format("kustomizations lead to each other deeper than {}", kBuildDepthMax));
  }
  std::vector<std::string> roots = roots_;
  roots.push_back(*real);
  return Make(std::move(roots), anywhere_, *so_far_);
}

Result<std::string> Loader::Load(const std::string& path) const {
  const fs::path named(path);
  std::string full = (named.is_absolute() ? named : fs::path(root()) / named).lexically_normal();
  if (full.size() > 1 && full.ends_with('/')) full.pop_back();
  const std::string real = TRY(Real(full, full));
  std::error_code code;
  if (fs::is_directory(real, code)) {
    return CliError(fmt::format("'{}' must resolve to a file", full));
  }
  if (!anywhere_ && !IsIn(fs::path(real).parent_path(), root())) {
    return CliError(
        fmt::format("security; file '{}' is not in or below '{}'", full, root()));
  }
  if (!fs::is_regular_file(real, code)) {
    return CliError(fmt::format("'{}' is no regular file", full));
  }
  const uintmax_t size = fs::file_size(real, code);
  if (code || size > kFileBytesMax || so_far_->bytes + size > kBuildBytesMax) {
    return CliError(fmt::format("'{}' is too large: a build reads {} MiB of a file, {} in all",
                                full, kFileBytesMax >> 20, kBuildBytesMax >> 20));
  }
  std::ifstream in(real, std::ios::binary);
  if (!in) return CliError(fmt::format("open {}: {}", real, std::strerror(errno)));
  std::string text(size, '\0');
  in.read(text.data(), static_cast<std::streamsize>(size));
  text.resize(static_cast<size_t>(in.gcount()));
  so_far_->bytes += text.size();
  return text;
}

}  // namespace skiff::cli::kustomize
