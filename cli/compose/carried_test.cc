// Nothing is ignored in silence: for each key that the table of compose files has, a file with it
// and one without it come to other objects, or to other notes.
#include <gtest/gtest.h>

#include "api/codec/json.h"
#include "api/text/yaml.h"
#include "cli/compose/convert.h"
#include "cli/compose/files_fixture.h"
#include "cli/compose/schema.h"

namespace skiff::cli::compose {
namespace {

// What a service says that has the key; by the key's path, where [] is a list and * any name.
constexpr std::pair<const char*, const char*> kSamples[] = {
    {"annotations", "annotations: {a: b}"},
    {"attach", "attach: true"},
    {"blkio_config", "blkio_config: {weight: 300}"},
    {"build", "build: ."},
    {"cap_add", "cap_add: [NET_ADMIN]"},
    {"cap_drop", "cap_drop: [ALL]"},
    {"cgroup", "cgroup: host"},
    {"cgroup_parent", "cgroup_parent: m"},
    {"command", "command: a b"},
    {"configs[].gid", "configs: [{source: conf, gid: '5'}]"},
    {"configs[].mode", "configs: [{source: conf, mode: 0440}]"},
    {"configs[].source", "configs: [{source: conf}]"},
    {"configs[].target", "configs: [{source: conf, target: /etc/c}]"},
    {"configs[].uid", "configs: [{source: conf, uid: '5'}]"},
    {"container_name", "container_name: c"},
    {"cpu_count", "cpu_count: 2"},
    {"cpu_percent", "cpu_percent: 50"},
    {"cpu_period", "cpu_period: 1000"},
    {"cpu_quota", "cpu_quota: 1000"},
    {"cpu_rt_period", "cpu_rt_period: 1000"},
    {"cpu_rt_runtime", "cpu_rt_runtime: 1000"},
    {"cpu_shares", "cpu_shares: 10"},
    {"cpus", "cpus: 0.5"},
    {"cpuset", "cpuset: '0'"},
    {"credential_spec", "credential_spec: {file: f}"},
    {"depends_on.*.condition", "depends_on: {db: {condition: service_healthy}}"},
    {"depends_on.*.restart", "depends_on: {db: {condition: service_started, restart: true}}"},
    {"deploy.endpoint_mode", "{expose: ['80'], deploy: {endpoint_mode: dnsrr}}"},
    {"deploy.labels", "deploy: {labels: {a: b}}"},
    {"deploy.mode", "deploy: {mode: global}"},
    {"deploy.placement.constraints", "deploy: {placement: {constraints: [node.role==worker]}}"},
    {"deploy.placement.max_replicas_per_node", "deploy: {placement: {max_replicas_per_node: 1}}"},
    {"deploy.placement.preferences",
     "deploy: {placement: {preferences: [{spread: node.labels.zone}]}}"},
    {"deploy.replicas", "deploy: {replicas: 3}"},
    {"deploy.resources.limits.cpus", "deploy: {resources: {limits: {cpus: '2'}}}"},
    {"deploy.resources.limits.memory", "deploy: {resources: {limits: {memory: 1g}}}"},
    {"deploy.resources.limits.pids", "deploy: {resources: {limits: {pids: 9}}}"},
    {"deploy.resources.reservations.cpus", "deploy: {resources: {reservations: {cpus: '1'}}}"},
    {"deploy.resources.reservations.memory", "deploy: {resources: {reservations: {memory: 1g}}}"},
    {"deploy.resources.reservations.generic_resources",
     "deploy: {resources: {reservations: {generic_resources: [{discrete_resource_spec: {}}]}}}"},
    {"deploy.resources.reservations.devices[].capabilities",
     "deploy: {resources: {reservations: {devices: [{capabilities: [gpu], count: 1}]}}}"},
    {"deploy.resources.reservations.devices[].count",
     "deploy: {resources: {reservations: {devices: [{capabilities: [gpu], count: 2}]}}}"},
    {"deploy.resources.reservations.devices[].device_ids",
     "deploy: {resources: {reservations: {devices: [{capabilities: [gpu], device_ids: [a]}]}}}"},
    {"deploy.resources.reservations.devices[].driver",
     "deploy: {resources: {reservations: {devices: [{driver: nvidia, count: 1}]}}}"},
    {"deploy.resources.reservations.devices[].options",
     "deploy: {resources: {reservations: {devices: [{driver: nvidia, options: {a: b}}]}}}"},
    {"deploy.restart_policy.condition", "deploy: {restart_policy: {condition: none}}"},
    {"deploy.restart_policy.delay", "deploy: {restart_policy: {delay: 5s}}"},
    {"deploy.restart_policy.max_attempts", "deploy: {restart_policy: {max_attempts: 3}}"},
    {"deploy.restart_policy.window", "deploy: {restart_policy: {window: 5s}}"},
    {"deploy.rollback_config", "deploy: {rollback_config: {parallelism: 2}}"},
    {"deploy.update_config.delay", "deploy: {update_config: {delay: 5s}}"},
    {"deploy.update_config.failure_action", "deploy: {update_config: {failure_action: rollback}}"},
    {"deploy.update_config.max_failure_ratio", "deploy: {update_config: {max_failure_ratio: 0.1}}"},
    {"deploy.update_config.monitor", "deploy: {update_config: {monitor: 5s}}"},
    {"deploy.update_config.order", "deploy: {update_config: {order: start-first}}"},
    {"deploy.update_config.parallelism", "deploy: {update_config: {parallelism: 2}}"},
    {"develop", "develop: {watch: [{path: .}]}"},
    {"device_cgroup_rules", "device_cgroup_rules: ['c 1:3 mr']"},
    {"devices", "devices: ['/dev/fuse:/dev/fuse']"},
    {"dns", "dns: 1.1.1.1"},
    {"dns_opt", "dns_opt: ['ndots:1']"},
    {"dns_search", "dns_search: example.com"},
    {"domainname", "domainname: example.com"},
    {"driver_opts", "driver_opts: {a: b}"},
    {"entrypoint", "entrypoint: [a]"},
    {"env_file[].path", "env_file: web.env"},
    {"env_file[].format", "env_file: [{path: web.env, format: raw}]"},
    {"environment", "environment: {A: b}"},
    {"expose", "expose: ['80']"},
    {"extends.service", "extends: {service: db, file: other.yml}"},
    {"extends.file", "extends: {service: db, file: other.yml}"},
    {"external_links", "external_links: [a]"},
    {"extra_hosts", "extra_hosts: ['a:1.2.3.4']"},
    {"gpus[].count", "gpus: [{count: 2}]"},
    {"gpus[].device_ids", "gpus: [{count: 1, device_ids: [a]}]"},
    {"gpus[].driver", "gpus: [{driver: amd, count: 1}]"},
    {"gpus[].options", "gpus: [{count: 1, options: {a: b}}]"},
    {"group_add", "group_add: ['5']"},
    {"healthcheck.disable", "healthcheck: {test: a, disable: true}"},
    {"healthcheck.interval", "healthcheck: {test: a, interval: 5s}"},
    {"healthcheck.retries", "healthcheck: {test: a, retries: 5}"},
    {"healthcheck.start_interval", "healthcheck: {test: a, start_interval: 5s}"},
    {"healthcheck.test", "healthcheck: {test: a}"},
    {"healthcheck.timeout", "healthcheck: {test: a, timeout: 5s}"},
    {"hostname", "hostname: h"},
    {"image", "{image: other, build: .}"},
    {"init", "init: true"},
    {"ipc", "ipc: host"},
    {"isolation", "isolation: default"},
    {"label_file", "label_file: l"},
    {"labels", "labels: {a: b}"},
    {"links", "links: ['db:database']"},
    {"logging", "logging: {driver: json-file}"},
    {"mac_address", "mac_address: a"},
    {"mem_limit", "mem_limit: 1g"},
    {"mem_reservation", "mem_reservation: 1g"},
    {"mem_swappiness", "mem_swappiness: 5"},
    {"memswap_limit", "memswap_limit: 1g"},
    {"models", "models: [m]"},
    {"network_mode", "network_mode: host"},
    {"networks.*.aliases", "networks: {front: {aliases: [other]}}"},
    {"networks.*.driver_opts", "networks: {front: {driver_opts: {a: b}}}"},
    {"networks.*.gw_priority", "networks: {front: {gw_priority: 1}}"},
    {"networks.*.interface_name", "networks: {front: {interface_name: e}}"},
    {"networks.*.ipv4_address", "networks: {front: {ipv4_address: 1.2.3.4}}"},
    {"networks.*.ipv6_address", "networks: {front: {ipv6_address: '::1'}}"},
    {"networks.*.link_local_ips", "networks: {front: {link_local_ips: [1.2.3.4]}}"},
    {"networks.*.mac_address", "networks: {front: {mac_address: a}}"},
    {"networks.*.priority", "networks: {front: {priority: 1}}"},
    {"oom_kill_disable", "oom_kill_disable: true"},
    {"oom_score_adj", "oom_score_adj: 5"},
    {"pid", "pid: host"},
    {"pids_limit", "pids_limit: 5"},
    {"platform", "platform: linux/amd64"},
    {"ports[].app_protocol", "ports: [{target: 80, app_protocol: http}]"},
    {"ports[].host_ip", "ports: [{target: 80, published: 80, host_ip: 127.0.0.1}]"},
    {"ports[].mode", "ports: [{target: 80, published: 80, mode: host}]"},
    {"ports[].name", "ports: [{target: 80, name: web}]"},
    {"ports[].protocol", "ports: [{target: 80, protocol: udp}]"},
    {"ports[].published", "ports: [{target: 80, published: 80}]"},
    {"ports[].target", "ports: [{target: 80}]"},
    {"post_start[].command", "post_start: [{command: a}]"},
    {"post_start[].environment", "post_start: [{command: a, environment: {A: b}}]"},
    {"post_start[].privileged", "post_start: [{command: a, privileged: true}]"},
    {"post_start[].user", "post_start: [{command: a, user: u}]"},
    {"post_start[].working_dir", "post_start: [{command: a, working_dir: /w}]"},
    {"pre_start[].command", "pre_start: [{command: a}]"},
    {"pre_start[].environment", "pre_start: [{command: a, environment: {A: b}}]"},
    {"pre_start[].image", "pre_start: [{command: a, image: other}]"},
    {"pre_start[].per_replica", "{scale: 2, pre_start: [{command: a, per_replica: true}]}"},
    {"pre_start[].privileged", "pre_start: [{command: a, privileged: true}]"},
    {"pre_start[].user", "pre_start: [{command: a, user: '5'}]"},
    {"pre_start[].working_dir", "pre_start: [{command: a, working_dir: /w}]"},
    {"pre_stop[].command", "pre_stop: [{command: a}]"},
    {"pre_stop[].environment", "pre_stop: [{command: a, environment: {A: b}}]"},
    {"pre_stop[].privileged", "pre_stop: [{command: a, privileged: true}]"},
    {"pre_stop[].user", "pre_stop: [{command: a, user: u}]"},
    {"pre_stop[].working_dir", "pre_stop: [{command: a, working_dir: /w}]"},
    {"privileged", "privileged: true"},
    {"profiles", "profiles: [p]"},
    {"provider", "provider: {type: t}"},
    {"pull_policy", "pull_policy: always"},
    {"pull_refresh_after", "pull_refresh_after: 1h"},
    {"read_only", "read_only: true"},
    {"restart", "restart: 'no'"},
    {"runtime", "runtime: runsc"},
    {"scale", "scale: 2"},
    {"secrets[].gid", "secrets: [{source: pass, gid: '5'}]"},
    {"secrets[].mode", "secrets: [{source: pass, mode: 0440}]"},
    {"secrets[].source", "secrets: [{source: pass}]"},
    {"secrets[].target", "secrets: [{source: pass, target: p}]"},
    {"secrets[].uid", "secrets: [{source: pass, uid: '5'}]"},
    {"security_opt", "security_opt: ['no-new-privileges:true']"},
    {"shm_size", "shm_size: 64m"},
    {"stdin_open", "stdin_open: true"},
    {"stop_grace_period", "stop_grace_period: 1m"},
    {"stop_signal", "stop_signal: SIGINT"},
    {"storage_opt", "storage_opt: {size: 1G}"},
    {"sysctls", "sysctls: {net.core.somaxconn: 1024}"},
    {"tmpfs", "tmpfs: /t"},
    {"tty", "tty: true"},
    {"ulimits", "ulimits: {nproc: 5}"},
    {"use_api_socket", "use_api_socket: true"},
    {"user", "user: '5'"},
    {"userns_mode", "userns_mode: host"},
    {"uts", "uts: host"},
    {"volumes[].bind.propagation",
     "volumes: [{type: bind, source: /a, target: /a, bind: {propagation: rshared}}]"},
    {"volumes[].bind.recursive",
     "volumes: [{type: bind, source: /a, target: /a, bind: {recursive: disabled}}]"},
    {"volumes[].cluster", "volumes: [{type: cluster, source: a, target: /a, cluster: {a: b}}]"},
    {"volumes[].consistency",
     "volumes: [{type: bind, source: /a, target: /a, consistency: cached}]"},
    {"volumes[].image", "volumes: [{type: image, source: a, target: /a, image: {subpath: b}}]"},
    {"volumes[].read_only", "volumes: [{type: volume, source: data, target: /a, read_only: true}]"},
    {"volumes[].source", "volumes: [{type: volume, source: data, target: /a}]"},
    {"volumes[].target", "volumes: [{type: volume, source: data, target: /a}]"},
    {"volumes[].type", "volumes: [{type: volume, source: data, target: /a}]"},
    {"volumes[].tmpfs.mode", "volumes: [{type: tmpfs, target: /a, tmpfs: {mode: 0700}}]"},
    {"volumes[].tmpfs.size", "volumes: [{type: tmpfs, target: /a, tmpfs: {size: 1m}}]"},
    {"volumes[].volume.labels",
     "volumes: [{type: volume, source: data, target: /a, volume: {labels: {a: b}}}]"},
    {"volumes[].volume.subpath",
     "volumes: [{type: volume, source: data, target: /a, volume: {subpath: b}}]"},
    {"volumes_from", "volumes_from: [db]"},
    {"working_dir", "working_dir: /w"},
};

// The sample of a key; nullptr when there is none.
const char* SampleOf(const std::string& path) {
  for (const auto& [known, sample] : kSamples) {
    if (path == known) return sample;
  }
  return nullptr;
}

// What there is nothing to carry of.
const std::map<std::string, std::string>& NothingToCarry() {
  static const std::map<std::string, std::string> kReasons = {
      {"depends_on.*.required", "what is not there is not waited for, or is an error"},
      {"env_file[].required", "a file that is not there is passed over, or is an error"},
      {"gpus[].capabilities", "a pod gets a whole device, and all that it can"},
      {"healthcheck.start_period", "nobody is led to a pod before it is ready"},
      {"volumes[].bind.create_host_path", "what is not there becomes a claim, or is noted"},
      {"volumes[].bind.selinux", "the runtime labels what pods mount"},
      {"volumes[].volume.nocopy", "nothing is copied from images"},
  };
  return kReasons;
}

// All keys that the shape has, down to those that are not carried over.
void Collect(const Shape& shape, const std::string& path, std::set<std::string>& out) {
  for (size_t i = 0; i < shape.key_count; ++i) {
    const Key& key = shape.keys[i];
    const std::string below = (path.empty() ? "" : path + ".") + std::string(key.name);
    const size_t before = out.size();
    if (key.why_not == nullptr) {
      Collect(*key.shape, below, out);
      if (key.shape->item != nullptr) Collect(*key.shape->item, below + "[]", out);
      if (key.shape->any_key != nullptr) Collect(*key.shape->any_key, below + ".*", out);
    }
    if (out.size() == before) out.insert(below);
  }
}

// Takes away what stands at the path: "ports[].target".
void TakeAway(Json& value, const std::string& path) {
  Json* at = &value;
  std::string rest = path;
  for (;;) {
    const size_t end = rest.find_first_of(".[");
    std::string name = rest.substr(0, end);
    if (name == "*") name = at->begin().key();
    if (end == rest.npos || !at->contains(name)) {
      at->erase(name);
      return;
    }
    Json& below = (*at)[name];
    // In the short form there is nothing below.
    if (!below.is_structured() || (rest[end] == '[' && !below[0].is_object())) {
      at->erase(name);
      return;
    }
    at = rest[end] == '[' ? &below[0] : &below;
    rest = rest.substr(rest[end] == '[' ? end + 3 : end + 1);
  }
}

// All that comes of a service of the project, or why nothing does.
std::string OutcomeOf(const Json& service) {
  const Json project = {{"services", {{"web", service}, {"db", {{"image", "db"}}}}},
                        {"volumes", {{"data", Json::object()}}},
                        {"networks", {{"front", Json::object()}}},
                        {"models", {{"m", {{"model", "ai/m"}}}}},
                        {"configs", {{"conf", {{"content", "c"}}}}},
                        {"secrets", {{"pass", {{"file", "./pass"}}}}}};
  FilesInMemory files;
  files.files = {{"/shop/compose.yaml", project.dump()},
                 {"/shop/other.yml", "services: {db: {image: other, tty: true}}"},
                 {"/shop/web.env", "E='quoted'\n"},
                 {"/shop/l", "from=file\n"},
                 {"/shop/pass", "p"}};
  const auto loaded = Load(InShop(), files);
  if (!loaded) return loaded.error().message;
  const auto converted = Convert(*loaded, files);
  if (!converted) return converted.error().message;
  std::string text;
  for (const Json& object : converted->Objects()) text += object.dump() + "\n";
  for (const Note& note : converted->notes) text += note.key + ": " + note.why + "\n";
  for (const Workload& workload : converted->workloads) {
    for (const Dependency& each : workload.after) text += each.service + each.condition;
  }
  return text;
}

Json ServiceOf(const std::string& sample) {
  const auto parsed = ParseYaml(sample);
  EXPECT_TRUE(parsed) << sample;
  Json service = {{"image", "nginx"}};
  service.update(parsed->value);
  return service;
}

TEST(CarriedTest, EachKeyOfAServiceMakesADifference) {
  std::set<std::string> paths;
  Collect(ServiceShape(), "", paths);
  EXPECT_GT(paths.size(), 150u);
  for (const std::string& path : paths) {
    if (NothingToCarry().contains(path)) continue;
    const char* sample = SampleOf(path);
    ASSERT_NE(sample, nullptr) << path;
    const Json with = ServiceOf(sample);
    Json without = with;
    TakeAway(without, path);
    EXPECT_NE(with, without) << path;
    EXPECT_NE(OutcomeOf(with), OutcomeOf(without)) << path << " is ignored";
  }
}

TEST(CarriedTest, EachSampleStandsForAKey) {
  std::set<std::string> paths;
  Collect(ServiceShape(), "", paths);
  for (const auto& [path, sample] : kSamples) EXPECT_TRUE(paths.contains(path)) << path;
  for (const auto& [path, why] : NothingToCarry()) EXPECT_TRUE(paths.contains(path)) << path;
}

}  // namespace
}  // namespace skiff::cli::compose
