//! Photographs of the pages for people to look at, if a folder is named for them.

use std::path::PathBuf;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;

use super::Browser;

const WIDTHS: [u32; 2] = [1280, 390];
const SCHEMES: [&str; 2] = ["light", "dark"];

impl Browser<'_> {
    /// Saves the present page as `NAME-WIDTH-SCHEME.png` in the folder `SESSIOND_SCREENS`, if that is set.
    pub fn photograph(&self, name: &str) {
        let Some(folder) = std::env::var_os("SESSIOND_SCREENS").map(PathBuf::from) else { return };
        std::fs::create_dir_all(&folder).unwrap();
        // A picture in the middle of a fade from light to dark shows neither.
        self.chromium("Animation.enable", &json!({}));
        self.chromium("Animation.setPlaybackRate", &json!({ "playbackRate": 10_000 }));
        for width in WIDTHS {
            let screen = json!({ "width": width, "height": 800, "deviceScaleFactor": 1, "mobile": width < 600 });
            self.chromium("Emulation.setDeviceMetricsOverride", &screen);
            for scheme in SCHEMES {
                let feature = json!({ "features": [{ "name": "prefers-color-scheme", "value": scheme }] });
                self.chromium("Emulation.setEmulatedMedia", &feature);
                let whole = json!({ "format": "png", "captureBeyondViewport": true });
                let picture = self.chromium("Page.captureScreenshot", &whole);
                let bytes = STANDARD.decode(picture["data"].as_str().unwrap_or_default()).unwrap();
                std::fs::write(folder.join(format!("{name}-{width}-{scheme}.png")), bytes).unwrap();
            }
        }
        self.chromium("Emulation.setEmulatedMedia", &json!({ "features": [] }));
        self.chromium("Emulation.clearDeviceMetricsOverride", &json!({}));
    }
}
