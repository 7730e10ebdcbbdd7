#include "cli/file_text.h"

#include <filesystem>
#include <fstream>
#include <sstream>

namespace skiff::cli {

std::optional<std::string> FileText(const std::string& path) {
  std::error_code ignored;
  if (std::filesystem::is_directory(path, ignored)) return std::nullopt;
  std::ifstream in(path, std::ios::binary);
  if (!in) return std::nullopt;
  std::ostringstream text;
  text << in.rdbuf();
  return std::move(text).str();
}

}  // namespace skiff::cli
