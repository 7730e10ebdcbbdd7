// What the flags --audit-* say.
#pragma once

#include <string>

namespace skiff {

struct AuditFileOptions {
  std::string path;          // "-": standard output.
  int days_max = 0;          // Of older files; 0: they stay.
  int backups_max = 0;       // How many of them; 0: any number.
  int megabytes_max = 0;     // Of a file; 0: 100.
  bool drops_lines = false;  // What there is no room for is lost, and nobody waits.
};

struct AuditOptions {
  std::string policy_text;
  std::string policy_file = {};  // Where it was read.
  AuditFileOptions log;
  bool is_legacy = false;  // The format of the lines.
};

}  // namespace skiff
