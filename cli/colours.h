// Colours for who looks at a terminal. Files, pipes and programs get none.
#pragma once

#include <string>
#include <string_view>

namespace skiff::cli {

// Whether standard output is a terminal that has colours, and nobody asked for none (NO_COLOR).
bool OutputHasColours();

class Colours {
 public:
  // Without: each text is returned as it is.
  explicit Colours(bool are_shown = false) : are_shown_(are_shown) {}
  std::string Good(std::string_view text) const { return In("32", text); }
  std::string Waiting(std::string_view text) const { return In("33", text); }
  std::string Bad(std::string_view text) const { return In("1;31", text); }
  std::string Faint(std::string_view text) const { return In("2", text); }
  // The lines of a unified diff.
  std::string Diff(std::string_view text) const;

 private:
  std::string In(std::string_view code, std::string_view text) const;

  bool are_shown_;
};

}  // namespace skiff::cli
