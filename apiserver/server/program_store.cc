#include "apiserver/server/program_store.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <filesystem>

#include "apiserver/auth/pki.h"
#include "apiserver/objects/etcd_objects.h"
#include "apiserver/services/master_leases.h"
#include "apiserver/storage/checkpoints.h"
#include "apiserver/storage/compactor.h"
#include "apiserver/storage/etcd_compactor.h"
#include "apiserver/storage/expiry.h"
#include "apiserver/storage/keys.h"
#include "apiserver/storage/rocksdb_store.h"
#include "apiserver/storage/sync_loop.h"
#include "base/program.h"
#include "http/tls.h"

namespace skiff {
namespace {

Result<Durability> DurabilityOf(const std::string& text) {
  if (text == "sync") return Durability::kSync;
  if (text == "interval") return Durability::kInterval;
  if (text == "memory") return Durability::kMemory;
  return Fail(Reason::kInvalid, "invalid argument \"" + text +
                                    "\" for \"--durability\" flag: must be one of sync, interval, "
                                    "memory");
}

// As kube-apiserver joins it with the paths of resources.
std::string PrefixOf(std::string prefix) {
  while (prefix.ends_with('/')) prefix.pop_back();
  if (!prefix.starts_with('/')) prefix.insert(0, 1, '/');
  return prefix;
}

// What the files of a directory take on the disk. Some come and go meanwhile.
std::optional<uint64_t> BytesBelow(const std::string& path) {
  std::error_code failed, gone;
  uint64_t bytes = 0;
  std::filesystem::directory_iterator files(path, failed);
  for (; !failed && files != std::filesystem::directory_iterator(); files.increment(failed)) {
    const uintmax_t size = files->file_size(gone);
    if (!gone) bytes += size;
  }
  if (failed) return std::nullopt;
  return bytes;
}

Result<ProgramStore> OpenEmbedded(const ApiServerFlags& flags, const Clock& clock,
                                  Encryption* encryption) {
  const Durability durability = TRY(DurabilityOf(flags.durability));
  auto store = TRY(RocksdbStore::Open({.path = flags.data_dir + "/store",
                                       .durability = durability,
                                       .begins_unsynced = durability == Durability::kSync,
                                       .sealing = encryption},
                                      clock));
  ProgramStore opened;
  if (encryption) encryption->OnChange([&cache = store->cache()] { cache.Clear(); });
  opened.settle = [raw = store.get()] { return raw->Sync(); };
  // A full disk is no reason to start anew: there is nothing that a new start could write.
  opened.alive = [raw = store.get()]() -> Result<> {
    Result<> healthy = raw->CheckHealth();
    return healthy || raw->NeedsRestart() ? healthy : Result<>();
  };
  opened.ready = [raw = store.get()] { return raw->CheckHealth(); };
  opened.bytes = [path = flags.data_dir + "/store"] { return BytesBelow(path); };
  const auto checkpoints = std::make_shared<Checkpoints>(*store, flags.data_dir + "/checkpoints");
  opened.checkpoint = [checkpoints] { return checkpoints->Make(); };
  opened.find_moment = [raw = store.get()](TimePoint moment) { return raw->At(moment); };
  opened.own_loops.push_back(&store->ReadHistoryAside());
  opened.loops.push_back(std::make_unique<Compactor>(
      *store, clock,
      Compactor::Options{.period = flags.etcd_compaction_interval, .window = flags.history}));
  opened.loops.push_back(std::make_unique<Expiry>(
      *store, clock, Expiry::Options{.prefix = StorePrefix("events"), .ttl = flags.event_ttl}));
  opened.loops.push_back(std::make_unique<RecordAging>(store->cache()));
  if (durability == Durability::kInterval) {
    opened.loops.push_back(std::make_unique<SyncLoop>(*store, clock));
  }
  opened.store = std::move(store);
  return opened;
}

// What does for objects in etcd what a copy of the embedded store does.
std::string EtcdCopyCommand(const ApiServerFlags& flags) {
  std::string options = fmt::format("--endpoints={}", flags.etcd_servers.front());
  if (!flags.etcd_ca_file.empty()) options += " --cacert=" + flags.etcd_ca_file;
  if (!flags.etcd_cert_file.empty()) {
    options += fmt::format(" --cert={} --key={}", flags.etcd_cert_file, flags.etcd_key_file);
  }
  return fmt::format(
      "the objects of this cluster lie in etcd, which copies them itself: `etcdctl {} snapshot "
      "save FILE`, and back by `etcdutl snapshot restore FILE --bump-revision=1000000000 "
      "--mark-compacted`",
      options);
}

Result<ProgramStore> OpenEtcd(const ApiServerFlags& flags, const Clock& clock,
                              Encryption* encryption) {
  EtcdStore::Options options;
  options.client.servers = flags.etcd_servers;
  options.client.ca_pem = TRY(http::ReadAuthorities(flags.etcd_ca_file));
  if (!flags.etcd_cert_file.empty()) {
    const auto shown =
        TRY(http::ServerTls::FromFiles(flags.etcd_cert_file, flags.etcd_key_file, ""));
    options.client.certificate_pem = shown.certificate_pem;
    options.client.key_pem = shown.key_pem;
  }
  options.prefix = PrefixOf(flags.etcd_prefix);
  options.expiries.push_back({.prefix = StorePrefix("events"), .ttl = flags.event_ttl});
  options.expiries.push_back({.prefix = StorePrefix(kMasterLeases), .ttl = MasterLeases::kTtl});
  options.initialization_timeout = flags.storage_initialization_timeout;
  options.read_object = RecordValueFromEtcd;
  options.write_object = ProtobufForEtcd;
  options.give_up = &EndIsAsked;
  options.sealing = encryption;
  auto connected = EtcdStore::Open(std::move(options), clock);
  if (!connected) {
    Error error = connected.error();
    error.message = fmt::format("no answer from etcd at {}: {}", fmt::join(flags.etcd_servers, ","),
                                error.message);
    return Fail(error);
  }
  auto store = *std::move(connected);
  ProgramStore opened;
  if (encryption) encryption->OnChange([&cache = store->cache()] { cache.Clear(); });
  opened.settle = [] { return Result<>(); };  // etcd syncs each.
  opened.alive = [raw = store.get()] { return raw->CheckHealth(); };
  opened.checkpoint = [how = EtcdCopyCommand(flags)]() -> Result<std::string> {
    return Fail(Reason::kMethodNotAllowed, how);
  };
  opened.find_moment = [raw = store.get()](TimePoint moment) { return raw->At(moment); };
  opened.own_loops.push_back(&store->ReadHistoryAside());
  opened.loops.push_back(
      std::make_unique<EtcdCompactor>(*store, clock, flags.etcd_compaction_interval));
  opened.loops.push_back(std::make_unique<RecordAging>(store->cache()));
  opened.store = std::move(store);
  return opened;
}

}  // namespace

Result<> CheckStoreFlags(const ApiServerFlags& flags) {
  TRY(DurabilityOf(flags.durability));
  if (flags.storage_backend != "" && flags.storage_backend != "etcd3") {
    return Fail(Reason::kInvalid,
                "--storage-backend invalid, allowed values: etcd3. If not specified, it will "
                "default to 'etcd3'");
  }
  if (flags.encryption_provider_config.empty() &&
      flags.encryption_provider_config_automatic_reload) {
    return Fail(Reason::kInvalid,
                "--encryption-provider-config-automatic-reload must be set with "
                "--encryption-provider-config");
  }
  return {};
}

Result<ProgramStore> OpenProgramStore(const ApiServerFlags& flags, const Clock& clock,
                                      Random& random) {
  std::unique_ptr<Encryption> encryption;
  if (!flags.encryption_provider_config.empty()) {
    encryption = TRY(Encryption::Open({.file = flags.encryption_provider_config,
                                       .reload = flags.encryption_provider_config_automatic_reload},
                                      clock, random));
  }
  auto opened = TRY(flags.etcd_servers.empty() ? OpenEmbedded(flags, clock, encryption.get())
                                               : OpenEtcd(flags, clock, encryption.get()));
  if (!encryption) return opened;
  opened.own_loops.push_back(encryption.get());
  opened.own_loops.push_back(&encryption->plugins());
  opened.encryption = std::move(encryption);
  return opened;
}

}  // namespace skiff
