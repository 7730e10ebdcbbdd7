#include "cli/compose/mistakes.h"

#include <fmt/format.h>

#include <algorithm>

#include "cli/errors.h"
#include "cli/json_text.h"

namespace skiff::cli::compose {

void Mistakes::Add(const std::string& line) {
  if (std::find(lines_.begin(), lines_.end(), line) == lines_.end()) lines_.push_back(line);
}

Result<> Mistakes::Told() const {
  if (lines_.empty()) return {};
  std::vector<std::string> told(lines_.begin(),
                                lines_.begin() + static_cast<long>(std::min(lines_.size(),
                                                                            kWrongMax)));
  if (lines_.size() > kWrongMax) {
    told.push_back(fmt::format("... and {} more", lines_.size() - kWrongMax));
  }
  return CliError(Join(told, "\n"));
}

}  // namespace skiff::cli::compose
