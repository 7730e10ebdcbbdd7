// The flags of `debug`, and which of them do not go together.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "api/values.h"
#include "cli/command.h"
#include "cli/manifest.h"

namespace skiff::cli {

// In the order of the command line, each name once: of a name that comes twice the last holds.
using StringPairs = std::vector<std::pair<std::string, std::string>>;

struct DebugFlags {
  std::string image;
  std::string container;
  std::string target;
  std::string copy_to;
  std::string pull_policy;
  std::string profile = "legacy";
  StringPairs env;
  bool attach = false;
  bool arguments_only = false;
  bool stdin_open = false;
  bool tty = false;
  bool quiet = false;
  bool share_processes = true;
  bool same_node = false;
  bool keep_labels = false;
  bool keep_annotations = false;
  bool keep_liveness = false;
  bool keep_readiness = false;
  bool keep_startup = false;
  bool keep_init_containers = true;
  bool replace = false;
  StringPairs set_images;  // A name may be "*", for all.
  Json custom;             // What the file of --custom says of a container; null without one.
  FileFlags files;

  // Reads the command line and the file that it names, and refuses what kubectl does, in its order.
  Result<> Parse(Command& command, const Args& args);
  bool attaches(const Command& command) const {
    return command.Given("attach") ? attach : stdin_open;
  }
  // What follows "--", if anything does.
  static Args WordsOf(const Command& command) { return command.rest().value_or(Args()); }

 private:
  void AddTo(Command& command);
  Result<> Check(Command& command) const;
  Result<> CheckCopy(const Command& command) const;

  std::vector<std::string> env_texts_;
  std::vector<std::string> image_texts_;
  std::string custom_file_;
};

}  // namespace skiff::cli
