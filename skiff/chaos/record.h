// What is on, a file each in a directory of its own (/run/skiff-chaos): written before anything is
// done, and gone when all of it is undone. Whoever finds one whose supervisor lives no more undoes
// it.
#pragma once

#include <string>
#include <vector>

#include "api/gen/core_v1.h"
#include "skiff/chaos/plan.h"

namespace skiff::chaos {

struct Record {
  std::string id;
  Fault fault = Fault::kNetem;
  std::string target;
  std::string peer;
  std::string detail;
  Duration ends = Duration(0);  // On the clock that never goes back.
  Duration length = Duration(0);
  ProcessId supervisor;  // pid 0: it was not started yet.
  Plan plan;
  std::vector<core_v1::ObjectReference> objects;  // Whose Events tell of it.
  std::string kubeconfig;                         // "": nobody is told.
  std::string authority;                          // Of that cluster, PEM; "": it is not known.
};

std::string RecordText(const Record& record);
Result<Record> ParseRecord(const std::string& text);

// The directory of records. One program at a time looks through it or adds to it; a record's
// supervisor alone changes it meanwhile.
class Records {
 public:
  // As long as the start of a fault may take (it is seen through, and the API is told), and more.
  static constexpr Duration kPatience = std::chrono::minutes(3);
  // Makes the directory, and waits until it is this one's turn; kConflict: for so long it was not.
  // When that is over, a directory without any record is removed.
  static Result<Records> Open(const std::string& directory, Duration patience = kPatience);
  Records(Records&& other) noexcept;
  ~Records();
  // By their ends.
  Result<std::vector<Record>> All() const;
  // For who only shows them: others may be at work meanwhile.
  static Result<std::vector<Record>> AllIn(const std::string& directory);
  // Without what cannot be read: for who looks for his own.
  static std::vector<Record> ReadableIn(const std::string& directory);

 private:
  Records(std::string directory, int lock) : directory_(std::move(directory)), lock_(lock) {}
  std::string directory_;
  int lock_;
};

std::string RecordPath(const std::string& directory, const std::string& id);
Result<Record> LoadRecord(const std::string& directory, const std::string& id);
Result<> SaveRecord(const std::string& directory, const Record& record);
void RemoveRecord(const std::string& directory, const std::string& id);

// A fault in a line, and what ends it.
struct FaultOn {
  std::string what;     // "fault netem on pod/web of default, for 42s more: delay 100ms"
  std::string command;  // "skiff chaos stop 3f9a"
};
FaultOn TellOf(const Record& record, Duration now);
// Those in the directory whose supervisors live, by their ends; none where there is none.
std::vector<Record> LivingRecords(const std::string& directory);

// The table of `skiff chaos ls`.
std::string DescribeRecords(const std::vector<Record>& records, Duration now);

}  // namespace skiff::chaos
