// The user's own editor, on a text of ours.
#pragma once

#include <string>

#include "cli/command.h"
#include "cli/manifest.h"
#include "cli/writing.h"

namespace skiff::cli {

// A file that goes with this, unless it is kept.
class ScratchFile {
 public:
  // In TMPDIR, else /tmp. `form` ends with "XXXXXX": "skiff-edit-XXXXXX", ".yaml".
  static Result<ScratchFile> Create(const std::string& form, const std::string& suffix);
  ScratchFile(ScratchFile&& other) noexcept : path_(std::move(other.path_)) { other.path_.clear(); }
  ScratchFile& operator=(ScratchFile&&) = delete;
  ~ScratchFile();
  const std::string& path() const { return path_; }
  Result<> Write(const std::string& text) const;
  Result<std::string> Read() const;
  // Leaves the file where it is.
  void Keep() { path_.clear(); }

 private:
  explicit ScratchFile(std::string path) : path_(std::move(path)) {}
  std::string path_;
};

// Opens the file in KUBE_EDITOR, EDITOR or vi, on our terminal, and waits until that ends.
Result<> RunEditor(Command& command, const std::string& path);

// In edit.cc: has the user edit an object of a file, and creates what comes of it. What cannot be
// created stays in a file that is told.
Result<> EditAndCreate(Command& command, const WriteFlags& flags, bool ends_crlf,
                       const ManifestObject& object);

inline constexpr const char kLineEndsHelp[] = "End the lines of the file as on Windows.";
// Whether objects can be edited in the format that -o names.
Result<> CheckEditFormat(const PrintFlags& print);

// Runs a program on our own input and outputs to its end, which interrupts are left to; returns its
// exit code, 128 + the signal that killed it. Fails when it cannot be started.
Result<int> RunAttached(const Args& argv);

}  // namespace skiff::cli
