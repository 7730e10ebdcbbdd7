// What forbids a fault, and how to mend it. Pure.
#pragma once

#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/error.h"
#include "skiff/chaos/plan.h"
#include "skiff/chaos/record.h"

namespace skiff::chaos {

// What is known of the directory that is to be filled.
struct DiskFact {
  std::string mount_root;  // Which folder of its file system is mounted there; "/" is all of it.
  bool is_mount = false;   // Something is mounted at that very place.
  bool is_machines_own = false;  // The same file system is the machine's root.
  bool is_memory = false;
  int64_t free_bytes = 0;
};

// What is known of the file by which a node's clock is made wrong.
struct ClockFact {
  std::string problem;       // "": it is there, and can be written.
  bool is_followed = false;  // A process does.
  std::string node;          // Whose it is; "": of several, which are simulated.
};

struct World {
  bool is_root = false;
  std::string kubeconfig;  // That the cluster was found by.
  std::string authority;   // Of that cluster, PEM; "": it is not known.
  std::set<std::string> programs;  // Which of nsenter, nft, iptables-nft, docker are there.
  Place target;
  std::optional<Place> peer;
  std::optional<DiskFact> disk;
  std::optional<ClockFact> clock;
  std::vector<Record> records;
};

// Programs that a request needs, with the package that has them.
struct NeededProgram {
  std::string name;
  std::string package;
};
std::vector<NeededProgram> ProgramsFor(const Request& request);

// kForbidden, kNotFound, kConflict: with the remedy.
Result<> CheckWorld(const Request& request, const World& world);

// Whether one of these certificates (PEM) has the key of one of those: while an authority is
// replaced, the next one stands beside it.
bool ShareAnAuthority(const std::string& some_pem, const std::string& other_pem);

inline constexpr int64_t kFilledMemoryMax = int64_t{1} << 30;
inline constexpr int64_t kFilledDiskMax = int64_t{16} << 30;

}  // namespace skiff::chaos
