// How wide something is, in pixels, whatever becomes of the page: a picture that is drawn for that has letters of the
// same size everywhere.
import { useLayoutEffect, useRef, useState } from 'preact/hooks';

const kUnknown = 300;

export function useWidth<T extends Element>() {
  const of = useRef<T>(null);
  const [width, setWidth] = useState(kUnknown);
  useLayoutEffect(() => {
    const measure = () => setWidth(of.current!.clientWidth);
    measure();
    const observer = new ResizeObserver(measure);
    observer.observe(of.current!);
    return () => observer.disconnect();
  }, []);
  return { of, width };
}
