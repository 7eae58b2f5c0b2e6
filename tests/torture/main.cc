// hostler_torture: three hosts, a broker and a PostgreSQL of their own, steady traffic, and a fault every few seconds. In the end the
// oracle says of each acknowledged record what became of it. Run by ./dev torture.
#include <cstdio>
#include <exception>
#include <fstream>
#include <random>
#include <string>

#include "flow/oracle.h"
#include "torture/load.h"
#include "torture/nemesis.h"

namespace hostler::torture {
namespace {

using namespace std::chrono_literals;
using std::chrono::steady_clock;

constexpr const char* usage = R"(hostler_torture [options]     run by ./dev torture

  --minutes N     of faults (2)
  --rate N        events per second (300)
  --seed N        of faults and events (a new one)
  --keep DIR      where everything is kept when the oracle finds fault (build/torture)
)";

struct Options {
  double minutes = 2, rate = 300;
  std::uint64_t seed = std::random_device{}();
  std::filesystem::path keep = "build/torture";
};

class Run {
 public:
  explicit Run(const Options& options) : options_(options), diary_(world_.folder() / "diary.log") {
    world_.hosts_settle_in(proxy_.url("-csearch_path%3D" + world_.schema()));
    kafka_proxy_.connect_to(kafka_.url_of("PROXIED"));
    world_.hosts_use("localhost:" + std::to_string(kafka_proxy_.port()));
  }

  bool go() {
    const auto configs = make_configs();
    world_.migrate(configs.front());
    world_.make_accounts();
    note("seed " + std::to_string(options_.seed));
    Fleet fleet(configs, world_.folder() / ".");
    Load load(kafka_.url(), topic_, options_.rate, options_.seed);
    Nemesis nemesis({world_, kafka_, postgres_, proxy_, kafka_proxy_, fleet, topic_, delays_,
                     [this](const std::string& text) { note(text); }},
                    options_.seed);
    const auto until = steady_clock::now() + std::chrono::duration_cast<steady_clock::duration>(
                                                 std::chrono::duration<double>(60 * options_.minutes));
    while (steady_clock::now() < until) {
      fleet.tend();
      nemesis.tick();
      std::this_thread::sleep_for(20ms); // the pace of the nemesis, nothing is waited for
    }
    nemesis.stop();
    load.stop();
    note("no more faults");
    world_.reconnect();
    const bool settled = flow::eventually(180s, [&] {
      fleet.tend();
      return world_.settled({topic_});
    });
    const int bad_ends = fleet.leave();
    return report(nemesis, load, fleet, settled, bad_ends);
  }

 private:
  std::vector<std::filesystem::path> make_configs() {
    std::vector<std::filesystem::path> out;
    for (int i = 1; i <= 3; ++i) {
      auto handler = world_.probe("probe.effects", {topic_});
      handler.text("config.accounts", "yes")
          .set("lanes", "2")
          .set("batch.max_records", "50")
          .set("retry.delays", flow::toml_list(delays_));
      out.push_back(world_.config({handler}, "host-" + std::to_string(i),
                                  {{"session.timeout.ms", "3000"},
                                   {"heartbeat.interval.ms", "500"},
                                   {"reconnect.backoff.max.ms", "500"},
                                   {"topic.metadata.refresh.interval.ms", "2000"}}));
    }
    return out;
  }

  bool report(const Nemesis& nemesis, const Load& load, const Fleet& fleet, bool settled, int bad_ends) {
    flow::Case what;
    what.topics = {topic_};
    what.letters_gone = nemesis.letters_gone();
    what.accounts = true;
    const auto judged = flow::judge(world_, what);
    // What the brokers acknowledged must be in the topic: else it is they who lost it.
    std::set<std::string> there;
    for (const auto& r : world_.read(topic_)) there.insert(r.header("event-id").value());
    std::size_t lost_by_broker = 0;
    for (const auto& id : load.acknowledged()) lost_by_broker += there.contains(id) ? 0 : 1;
    std::set<std::pair<std::string, int>> once;
    const auto deliveries = world_.deliveries();
    for (const auto& d : deliveries) once.insert({d.event_id, d.attempt});

    std::string faults;
    for (const auto& [name, count] : nemesis.faults())
      faults += (faults.empty() ? "" : ", ") + std::to_string(count) + " x " + name;
    for (const auto& [name, count] : fleet.surprises())
      faults += ", " + std::to_string(count) + " x host ended by itself with " + name;
    const bool good = settled && judged.good() && lost_by_broker == 0 && bad_ends == 0;
    std::printf("seed %llu, %.1f minutes: %zu acknowledged records, faults: %s\n",
                static_cast<unsigned long long>(options_.seed), options_.minutes, load.acknowledged().size(),
                faults.c_str());
    std::printf("%s%s", settled ? "" : "not settled within three minutes\n", judged.text().c_str());
    if (lost_by_broker > 0)
      std::printf("%zu acknowledged records are not in the topic: the broker lost them\n", lost_by_broker);
    if (bad_ends > 0) std::printf("%d hosts did not end with exit code 0\n", bad_ends);
    std::printf("%s: records %zu, redeliveries %zu, lost %zu, twice %zu, early %zu\n", good ? "good" : "BAD",
                judged.records, deliveries.size() - once.size(), judged.lost, judged.twice + judged.both,
                judged.early);
    if (!good) keep();
    return good;
  }

  void note(const std::string& text) {
    const auto elapsed = std::chrono::duration<double>(steady_clock::now() - began_).count();
    char line[512];
    std::snprintf(line, sizeof line, "%8.3f  %s\n", elapsed, text.c_str());
    std::fputs(line, stderr);
    diary_ << line << std::flush;
  }

  // The diary, the hosts' logs and configurations, the deliveries, and the database's tables as text.
  void keep() {
    const auto folder = options_.keep / ("seed-" + std::to_string(options_.seed));
    std::filesystem::create_directories(folder);
    for (const auto* table : {"processed_events", "hostler_mark", "hostler_delegated", "hostler_suspect",
                              "effects", "accounts"}) {
      std::ofstream out(world_.folder() / (std::string(table) + ".txt"));
      for (const auto& row : world_.db().query(std::string("SELECT * FROM ") + table)) {
        for (const auto& column : row) out << column << '\t';
        out << '\n';
      }
    }
    std::filesystem::copy(
        world_.folder() / ".", folder,
        std::filesystem::copy_options::recursive | std::filesystem::copy_options::overwrite_existing);
    std::printf("kept in %s; again: ./dev torture --minutes %g --seed %llu\n", folder.c_str(),
                options_.minutes, static_cast<unsigned long long>(options_.seed));
  }

  const Options options_;
  const steady_clock::time_point began_ = steady_clock::now();
  testing::TcpProxy kafka_proxy_;
  testing::PrivateKafka kafka_{{"listener=PROXIED:PLAINTEXT:" + std::to_string(kafka_proxy_.port())}};
  testing::PrivatePostgres postgres_{{"deadlock_timeout=100ms"}};
  testing::PostgresProxy proxy_{postgres_.url()};
  flow::World world_{postgres_.url(), kafka_.url()};
  const std::vector<std::string> delays_ = {"1s", "2s", "4s"};
  const std::string topic_ = world_.topic("events", 6);
  std::ofstream diary_;
};

int main_or_throw(const std::vector<std::string>& arguments) {
  Options options;
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    const auto value = [&] {
      if (i + 1 == arguments.size()) throw std::invalid_argument(arguments[i] + " needs a value");
      return arguments[++i];
    };
    if (arguments[i] == "--minutes")
      options.minutes = std::stod(value());
    else if (arguments[i] == "--rate")
      options.rate = std::stod(value());
    else if (arguments[i] == "--seed")
      options.seed = std::stoull(value());
    else if (arguments[i] == "--keep")
      options.keep = value();
    else if (arguments[i] == "--help")
      return std::fputs(usage, stdout), 0;
    else
      throw std::invalid_argument("unknown option " + arguments[i] + "\n" + usage);
  }
  return Run(options).go() ? 0 : 1;
}

} // namespace
} // namespace hostler::torture

int main(int argc, char** argv) {
  try {
    return hostler::torture::main_or_throw({argv + 1, argv + argc});
  } catch (const std::exception& e) {
    std::fprintf(stderr, "hostler_torture: %s\n", e.what());
    return 2;
  }
}
