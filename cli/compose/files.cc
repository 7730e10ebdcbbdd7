#include "cli/compose/files.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "cli/errors.h"

namespace skiff::cli::compose {

namespace fs = std::filesystem;

Files::What DiskFiles::Look(const std::string& path) const {
  std::error_code code;
  const fs::file_status status = fs::status(path, code);
  switch (status.type()) {
    case fs::file_type::regular:
      return What::kFile;
    case fs::file_type::directory:
      return What::kFolder;
    case fs::file_type::not_found:
    case fs::file_type::none:
      return What::kMissing;
    default:
      return What::kOther;
  }
}

Result<std::string> DiskFiles::Read(const std::string& path, size_t bytes_max) const {
  switch (Look(path)) {
    case What::kMissing:
      return CliError("no such file");
    case What::kFolder:
      return CliError("it is a folder");
    case What::kOther:
      // Whoever names it wants a file with nothing in it, and no .env.
      if (Real(path) == "/dev/null") return std::string();
      return CliError("it is no regular file");
    case What::kFile:
      break;
  }
  std::ifstream in(path, std::ios::binary);
  if (!in) return CliError("permission denied");
  std::string text(bytes_max + 1, '\0');
  in.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<size_t>(in.gcount()));
  if (text.size() > bytes_max) return CliError(fmt::format("more than {} bytes", bytes_max));
  return text;
}

namespace {

// Whether what stands there is a link to somewhere that is not below that folder: in a container
// that has the folder alone, it would lead nowhere.
bool LeadsOut(const fs::directory_entry& entry, const fs::path& folder) {
  std::error_code code;
  if (!entry.is_symlink(code)) return false;
  const fs::path target = fs::canonical(entry.path(), code);
  if (code) return false;  // It leads nowhere here, either.
  const fs::path within = target.lexically_relative(fs::canonical(folder, code));
  return code || within.empty() || *within.begin() == "..";
}

}  // namespace

Result<FolderContents> DiskFiles::Below(const std::string& path, size_t files_max) const {
  FolderContents found;
  std::error_code code, unknown;
  size_t seen = 0;
  for (fs::recursive_directory_iterator at(path, code), end; at != end; at.increment(code)) {
    if (code) return CliError(code.message());
    // Folders count as well: a tree of them alone is none that anybody wants to walk.
    if (++seen > 10 * files_max + 10) return CliError(fmt::format("more than {} files", files_max));
    const std::string name = at->path().lexically_relative(path);
    if (LeadsOut(*at, path)) return CliError(name + " is a link that leads out of it");
    if (at->is_regular_file(unknown)) {
      found.files.push_back(name);
    } else if (at->is_symlink(unknown) || !at->is_directory(unknown)) {
      found.others.push_back(name);
    }
    if (found.files.size() > files_max) {
      return CliError(fmt::format("more than {} files", files_max));
    }
  }
  if (code) return CliError(code.message());
  std::sort(found.files.begin(), found.files.end());
  std::sort(found.others.begin(), found.others.end());
  return found;
}

std::string DiskFiles::Real(const std::string& path) const {
  std::error_code code;
  const fs::path real = fs::weakly_canonical(path, code);
  return code ? path : real.string();
}

bool DiskFiles::Executable(const std::string& path) const {
  std::error_code code;
  return (fs::status(path, code).permissions() & fs::perms::owner_exec) != fs::perms::none;
}

}  // namespace skiff::cli::compose
