// Traffic that goes on while everything around it dies: events of all fates at a steady rate, and the list of what the brokers acknowledged.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <random>
#include <string>
#include <thread>
#include <vector>

namespace hostler::torture {

class Load {
 public:
  // Produces to `topic` from now on, `rate` events a second, until stop().
  Load(const std::string& bootstrap, std::string topic, double rate, std::uint64_t seed);
  ~Load();
  Load(const Load&) = delete;
  Load& operator=(const Load&) = delete;

  // Ends it and waits for the last acknowledgements. Throws when some never came: then nothing is known of these events.
  void stop();
  // Event ids, once per acknowledged record; twins are there twice. After stop().
  [[nodiscard]] const std::vector<std::string>& acknowledged() const { return acknowledged_; }

 private:
  struct Client;
  void run(double rate, std::uint64_t seed);
  void produce(const std::string& id, const std::string& value);

  const std::string topic_;
  std::unique_ptr<Client> client_;
  std::atomic<bool> stop_{false};
  std::vector<std::string> acknowledged_;  // the thread's, until stop()
  std::thread thread_;
};

}  // namespace hostler::torture
