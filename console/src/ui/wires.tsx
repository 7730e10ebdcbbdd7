// A topology's lines where there are hundreds of them: canvases between its columns, painted by a worker where the
// browser can. As paths of the page they would be drawn anew for each part of it that is seen.
import { useLayoutEffect, useMemo, useRef, useState } from 'preact/hooks';

import { canPaintAside } from '../map/aside';
import { kTones } from '../map/scene';
import { WireStage } from '../map/wirestage';
import { type Gap, kGaps } from '../model/wires';
import { dark } from '../settings';

interface Props {
  gaps: Gap[];
  spans: { left: number; width: number }[]; // Of each gap.
  height: number;
  unlit: boolean;
}

export function WirePicture(props: Props) {
  const [isAside, setAside] = useState(canPaintAside);
  return <Canvases key={isAside} {...props} onBroken={() => setAside(false)} />;
}

// What the style sheet has for lines of each tone.
function coloursOf(probe: HTMLElement): Record<string, string> {
  return Object.fromEntries(kTones.map((tone) => {
    probe.className = `topo-link tone-${tone}`;
    return [tone, getComputedStyle(probe).stroke];
  }));
}

function Canvases({ gaps, spans, height, unlit, onBroken }: Props & { onBroken: () => void }) {
  const box = useRef<HTMLDivElement>(null);
  const probe = useRef<HTMLElement>(null);
  const stage = useRef<WireStage | null>(null);
  const [colours, setColours] = useState<Record<string, string> | null>(null);
  useLayoutEffect(() => {
    stage.current = new WireStage([...box.current!.querySelectorAll('canvas')], onBroken);
    return () => stage.current?.stop();
  }, []);
  useLayoutEffect(() => setColours(coloursOf(probe.current!)), [dark.value]);
  const look = useMemo(() => colours && { height, colours }, [height, colours]);
  useLayoutEffect(() => {
    if (look) stage.current!.show(gaps, spans.map((each) => each.width), look);
  }, [gaps, spans, look]);
  return (
    <div ref={box} class={`topo-wires${unlit ? ' unlit' : ''}`} aria-hidden="true">
      <i ref={probe} hidden />
      {kGaps.map((after) => (
        <canvas key={after} style={{ left: `${spans[after]!.left}px`, width: `${spans[after]!.width}px` }} />
      ))}
    </div>
  );
}
