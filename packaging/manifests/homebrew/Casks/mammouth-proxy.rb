# The desktop application.
cask "mammouth-proxy" do
  version "@version@"
  sha256 "@sha256 macos-universal.dmg@"

  url "@url macos-universal.dmg@"
  name "Mammouth Proxy"
  desc "Local OpenAI-compatible proxy, answered by your own Mammouth AI accounts"
  homepage "@homepage@"

  depends_on macos: ">= :big_sur"

  app "Mammouth Proxy.app"
  binary "#{appdir}/Mammouth Proxy.app/Contents/MacOS/mammouth-proxy"

  uninstall quit: "dev.mammouthproxy.MammouthProxy",
            launchctl: "Mammouth Proxy"

  zap trash: [
    "~/Library/Application Support/mammouth-proxy",
    "~/Library/Application Support/dev.mammouthproxy.MammouthProxy",
    "~/Library/Caches/dev.mammouthproxy.MammouthProxy",
    "~/Library/LaunchAgents/Mammouth Proxy.plist",
    "~/Library/WebKit/dev.mammouthproxy.MammouthProxy",
  ]
end
