// How faults end before their time is up.
#pragma once

#include <string>
#include <vector>

#include "skiff/chaos/record.h"
#include "skiff/progress.h"

namespace skiff::chaos {

// Undoes what nobody supervises any more, and says so. Those that are on; also one that could not
// be undone, of which a note tells: it keeps nobody from what he came for.
Result<std::vector<Record>> Sweep(const std::string& directory, const Records& records);

// Returns when it is undone, whoever does that, and says so.
Result<> EndFault(const std::string& directory, const Record& record, const Progress& say);

// Ends those of the clusters that one of these certificates (PEM) is the authority of, and returns
// when none of their supervisors is there any more. Those of others are left as they are, whatever
// that is; where the cluster's server keeps its data in `data_dir` ("": not known), so are those
// that were begun by the kubeconfig of another server here: a fork has the same authority. Where
// there are no records nothing is made. It takes half a minute at most, as long as commands that
// undo something do not hang.
Result<> EndFaults(const std::string& directory, const std::string& authority, const Progress& say,
                   const std::string& data_dir = "");

}  // namespace skiff::chaos
