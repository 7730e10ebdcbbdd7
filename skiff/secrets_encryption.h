// The EncryptionConfiguration that `skiff up --secrets-encryption` makes: encryption-config.yaml in
// the data directory, for nobody else to read. It is the administrator's from then on, who may add
// keys and resources to it, and it stays behind where the cluster's state is copied elsewhere: an
// archive whose Secrets are encrypted does not hold the key.
#pragma once

#include <string>

#include "base/error.h"
#include "skiff/cluster.h"

namespace skiff {

// The file that the cluster's API server follows; "": objects are kept as they are.
std::string EncryptionConfigOf(const ClusterOptions& options);
// Makes it, with a key of random bytes, where there is none.
Result<> EnsureEncryptionConfig(const ClusterOptions& options);
// Invalid where one was made that is not there any more: another key would read nothing.
Result<> CheckEncryptionConfig(const ClusterOptions& options);
// A copy of a cluster on the same machine is read by the same key.
Result<> CopyEncryptionConfig(const std::string& from_data_dir, const std::string& to_data_dir);

}  // namespace skiff
